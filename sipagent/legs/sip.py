"""SipLeg: one SIP party on pjsua2, behind the `Leg` door."""

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import count
from typing import Any

import pjsua2 as pj

from sipagent.call.keypad import Key, KeyWay
from sipagent.call.leg import Judge, Leg, LegInfo, LegState, Quality, ReferOutcome
from sipagent.errors import LegFailed

from .digits import Event, Fan
from .headers import contacts, told, written
from .keys import LegKeys
from .native import bare_uri, failed
from .native_call import NativeCall
from .offers import Offers
from .progress import Progress
from .referrals import Referrals

#: how long the end of a leg may take to be confirmed before it counts as ended
HANGUP_SECONDS = 2.0
_NUMBER = count(1)


class SipLeg:
    """One SIP party. All methods are the event loop's; see `Leg` for the contract.

    `answer(200)` returns when the ACK is in, so that hold and media work right after it.
    `resume` and `hold` wait for their re-INVITE's answer. A conference member through `media`.
    """

    def __init__(self, native: NativeCall, state: LegState, kick: Callable[[], None]) -> None:
        self._native: NativeCall | None = native
        self._incoming = state is LegState.INCOMING
        self._kick = kick
        self._info = LegInfo(id=f"leg-{next(_NUMBER)}", local="", remote="")
        self._progress = Progress(state)
        #: what the far end presses, and what is pressed towards it
        self.keys = LegKeys(self._live, self._do)
        self._texts: Fan[str] = Fan()
        self._media_listeners: list[Callable[[], None]] = []
        self._offers = Offers(
            self._progress, lambda send: self._do(send, self._live()), owner=not self._incoming
        )
        self._referrals = Referrals()
        self._redirects: tuple[str, ...] = ()
        self._quality: Quality | None = None
        native.leg = self

    # The Leg door.

    @property
    def info(self) -> LegInfo:
        """Who is on this leg."""
        return self._info

    @property
    def state(self) -> LegState:
        """Where the INVITE session stands."""
        return self._progress.state

    @property
    def status(self) -> int:
        """The last SIP status sent or received; after the end, why it ended (200 = BYE)."""
        return self._progress.status

    @property
    def on_hold(self) -> bool:
        """True while either side has the media on hold."""
        return self._offers.on_hold

    @property
    def reason(self) -> str:
        """See `Leg`."""
        return self._progress.reason

    @property
    def redirects(self) -> tuple[str, ...]:
        """See `Leg`."""
        return self._redirects

    @property
    def early_media(self) -> bool:
        """See `Leg`."""
        native = self._native
        if native is None or native.answered:
            return False
        return self.state is LegState.EARLY and native.media is not None

    @property
    def quality(self) -> Quality | None:
        """See `Leg`."""
        return self._quality

    def on_change(self, listener: Callable[[Leg], None]) -> None:
        """Have `listener` called on the loop after every change of state or hold."""
        self._progress.on_change(lambda: listener(self))

    async def answer(self, status: int = 200) -> None:
        """Answer an incoming leg: 180, 183 or 200. Answering a confirmed leg does nothing."""
        if self.state is LegState.CONFIRMED:
            return
        prm = pj.CallOpParam(True)
        prm.statusCode = status
        prm.opt.audioCount, prm.opt.videoCount = 1, 0
        if self._progress.status < 200 or self.state is LegState.DISCONNECTED:
            self._do(self._live().answer, prm)
            self._progress.status = status
        if status >= 200:
            await self.wait(LegState.CONFIRMED)
        elif self.state is LegState.INCOMING:
            await self.wait(LegState.EARLY, LegState.CONFIRMED)

    async def hangup(self, status: int = 603, reason: str = "") -> None:
        """End the leg: BYE, CANCEL, or `status` (>= 300) for an incoming leg not yet answered,
        with `reason` as its Reason header (RFC 3326).

        Returns when the far end agreed, or after `HANGUP_SECONDS` without it (status 408).
        """
        if self.state is LegState.DISCONNECTED:
            return
        self.dismiss(status, reason)
        try:
            async with asyncio.timeout(HANGUP_SECONDS):
                await self.wait(LegState.DISCONNECTED)
        except TimeoutError:
            self._ended(408, "Request Timeout")

    def dismiss(self, status: int = 603, reason: str = "") -> None:
        """Begin to end the leg, as `hangup`, without waiting for the far end."""
        native = self._live()
        prm = pj.CallOpParam()
        # pjsip would report our refusal's status as the cause of a BYE or CANCEL, too
        answers = self._incoming and self._progress.status < 200
        prm.statusCode = status if answers else 0
        if reason:
            prm.txOption.headers = written({"Reason": reason})
        # the slot in the conference is freed at once, and may be another's in a moment
        native.media = None
        try:
            self._do(native.hangup, prm)
        except LegFailed as error:
            # in no state to be ended natively: it ends here all the same
            self._ended(error.status, error.reason)

    async def hold(self) -> None:
        """Put the far end on hold (RFC 3264 section 8.4), once it is confirmed."""
        await self._offers.hold()

    async def resume(self) -> None:
        """Take the far end back from hold."""
        await self._offers.resume()

    async def send_digits(self, digits: str) -> None:
        """Send keys `0-9*#A-D`, `w` = 500 ms and `W` = 1 s of pause, by the way that was
        agreed or set; see `LegKeys`. Returns when the last key was sent.
        """
        await self.keys.send(digits)

    def digits(self) -> AsyncIterator[Key]:
        """Keys pressed by the far end from now on, one at a time, until the leg ends."""
        return self.keys.open()

    def texts(self) -> AsyncIterator[str]:
        """Texts the far end sends within the call from now on, until the leg ends."""
        return self._texts.open()

    async def refer(self, target: str | Leg, *, timeout: float = 60.0) -> ReferOutcome:
        """Ask the far end to call `target` (REFER) and wait for the reported outcome. A leg as
        the target: to take the place we have in that one.
        """
        await self.wait(LegState.CONFIRMED)
        if isinstance(target, str):
            uri = target
        elif isinstance(target, SipLeg) and target.referrals.replaceable():
            uri = target.referrals.named(target.info.sip_call_id)
        else:
            return ReferOutcome(420, "the target does not take Replaces", refused=True)
        return await self._referrals.ask(
            lambda: self._do(self._live().xfer, f"<{uri}>", pj.CallOpParam()), timeout
        )

    def on_refer(self, judge: Judge) -> None:
        """Have `judge` called for every REFER of the far end; without one all are declined."""
        self._referrals.on_refer(judge)

    async def report(self, status: int, reason: str, *, final: bool = False) -> None:
        """Tell the far end how the call it asked for goes (NOTIFY, RFC 3515 section 2.4.4)."""
        prm = self._referrals.notification(status, reason, final=final)
        self._do(self._live().sendRequest, prm)

    async def wait(self, *states: LegState) -> LegState:
        """Wait for any of the states; raise LegFailed once none can be reached any more."""
        return await self._progress.wait(*states)

    # The bridge's side, and the watchdog's.

    @property
    def native(self) -> NativeCall | None:
        """The native call; None once the leg has ended."""
        return self._native

    @property
    def media(self) -> Any:
        """The native conference member while there is media, else None."""
        return None if self._native is None else self._native.media

    def on_media(self, listener: Callable[[], None]) -> None:
        """Have `listener` called on the loop whenever `media` may be another one."""
        self._media_listeners.append(listener)

    # The native side: called on the loop, outside native callbacks.

    @property
    def referrals(self) -> Referrals:
        """REFER on this leg."""
        return self._referrals

    def identify(self, info: Any, message: str = "") -> None:
        """Take who is on the leg from the native call's info; `message` is its INVITE."""
        self._referrals.learned(message)
        self._info = LegInfo(
            id=self._info.id,
            local=bare_uri(str(info.localUri)),
            remote=bare_uri(str(info.remoteUri)),
            sip_call_id=str(info.callIdString),
            headers=told(message),
        )

    def moved(self, state: LegState, status: int, reason: str, message: str) -> None:
        """The native session entered `state`, because of `message` where one came."""
        if state is LegState.DISCONNECTED:
            if 300 <= status < 400:
                self._redirects = contacts(message)
            self._ended(status, told(message).get("Reason", reason))
            self._native = None
        else:
            self._progress.move(state, status, reason)

    def media_changed(self, ours: bool, theirs: bool) -> None:
        """Media was negotiated: on hold by our wish, or by the far end's, or not."""
        for listener in tuple(self._media_listeners):
            listener()
        self.keys.media_changed()
        if self._offers.negotiated(ours, theirs):
            self._progress.notify()
        # where it came with a 200, that the leg is confirmed is told next
        asyncio.get_running_loop().call_soon(self._note_early_media)

    def _note_early_media(self) -> None:
        if self.early_media:
            self._progress.notify()

    def media_ended(self, quality: Quality) -> None:
        """A stream is over; another may follow."""
        self._quality = quality.after(self._quality)

    def pressed(self, event: Event, way: KeyWay) -> None:
        """The far end presses a key; told several times of one telephone-event."""
        self.keys.told(event, way)

    def texted(self, text: str) -> None:
        """The far end sent a text within the call."""
        self._texts.tell(text)

    def accepted(self, method: str, status: int) -> None:
        """A request of ours within the dialog got a 2xx."""
        if method == "INFO":
            self.keys.answered(status)

    def refused(self, method: str, status: int) -> None:
        """A request of ours within the dialog was refused, or not answered (408)."""
        if method == "INVITE":
            self._offers.settle(LegFailed(status, "the new session offer was refused"))
        elif method == "REFER":
            self._referrals.settle(status, "the transfer was refused", refused=True)
        elif method == "INFO":
            self.keys.answered(status)

    def referred(self, status: int, reason: str) -> None:
        """The final outcome of our REFER."""
        self._referrals.settle(status, reason)

    def responded(self, message: str) -> None:
        """The far end said more than 100 to our INVITE, below 300."""
        self._referrals.learned(message)

    def asked(self, message: str) -> None:
        """The far end sent a REFER."""
        self._referrals.asked(message)

    def judge_referral(self) -> int:
        """The status that REFER gets; never a 2xx."""
        return self._referrals.judged(self)

    # Small tools.

    def _live(self) -> NativeCall:
        if self._native is None:
            raise LegFailed(481, "the leg has ended")
        return self._native

    def _do(self, function: Callable[..., Any], *arguments: Any) -> None:
        try:
            function(*arguments)
        except pj.Error as error:
            raise failed(error) from error
        finally:
            self._kick()

    def _ended(self, status: int, reason: str) -> None:
        if not self._progress.move(LegState.DISCONNECTED, status, reason):
            return
        for listener in tuple(self._media_listeners):
            listener()
        self.keys.end()
        self._texts.end()
        self._offers.settle(LegFailed(status, "the leg ended"))
        self._referrals.ended()
