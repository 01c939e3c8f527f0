"""WebRtcLeg: one browser as a party, behind the `Leg` door."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from sipagent.call import reasons
from sipagent.call.keypad import Key
from sipagent.call.leg import Judge, Leg, LegInfo, LegState, Quality, ReferOutcome
from sipagent.errors import LegFailed
from sipagent.events import Event
from sipagent.legs.digits import KEYS, DigitFan, Fan, keystrokes
from sipagent.legs.progress import Progress
from sipagent.tasks import Background

from .captions import Sees, shown
from .connection import BrowserConnection
from .ice import Place
from .offer import advertised, checked
from .ports import BrowserPort, BrowserPorts
from .presence import CONNECTING, Presence

_KEYS_AT_ONCE, _LONGEST_TEXT = 32, 2_000


class WebRtcLeg:
    """A browser that called (INCOMING), or is rung (CALLING); it is there with its offer. States
    are SIP's: it is CONFIRMED once answered and connected. A conference member through `media`.

    Keys and texts go by the data channel. There is nothing in WebRTC that asks the far end to
    call somebody else, so `refer` is refused and transfers bridge.
    """

    def __init__(self, ports: BrowserPorts, place: Place, info: LegInfo, state: LegState) -> None:
        self.info = info
        self._ports = ports
        self._place = place
        self._progress = Progress(state)
        self._port: BrowserPort = ports.lend()
        #: we called it, so that its offer is its answer
        self._rung = state is LegState.CALLING
        self._connection: BrowserConnection | None = None
        self._sees: Sees = "nothing"
        self._connected = asyncio.Event()
        self._keys = DigitFan()
        self._texts: Fan[str] = Fan()
        self._presence: Presence | None = None
        self._tasks = Background()

    # The page's side.

    async def offered(self, offer: str, sees: Sees = "nothing") -> str:
        """Take a page's offer; our answer. A leg that is rung is answered by it. `sees` is what
        the page is shown of the call. Raises LegFailed: 488 with why, 491 where another page was
        faster, 503 where no port is free.
        """
        if self._connection is not None or self.state is LegState.DISCONNECTED:
            raise LegFailed(491, "another page has answered, or it rings no more")
        wanted = checked(offer)
        connection = self._connection = BrowserConnection()
        connection.on_message = self._said
        connection.on_connected = self._now_connected
        connection.on_closed = self._now_closed
        self._port.mouth, self._port.ears = connection.heard.frame, connection.spoken.say
        self._sees = sees
        try:
            answer = await connection.answer(wanted)
        except (LegFailed, OSError) as error:
            failed = error if isinstance(error, LegFailed) else None
            self._connection = None
            self._port.mouth = self._port.ears = None
            await connection.close()
            raise failed or LegFailed(503, f"no UDP port for a browser: {error}") from error
        if self._progress.state is LegState.DISCONNECTED:
            raise LegFailed(491, "it rings no more")
        self._presence = Presence(connection)
        self._tasks.start(self._watch(self._presence))
        return advertised(answer, self._place.public)

    def show(self, event: Event) -> None:
        """Let the page see an event of the call, as far as it may."""
        if self._connection is not None and (data := shown(event, self._sees)) is not None:
            self._connection.tell({"type": "event", "event": data})

    def rings(self) -> None:
        """A page rings."""
        if self.state is LegState.CALLING:
            self._progress.move(LegState.EARLY, 180, "Ringing")

    def unheard(self) -> None:
        """The gateway has not said that anybody is rung."""
        if self.state is LegState.CALLING:
            self.refused(480, "the gateway did not ring anybody")

    def refused(self, status: int, reason: str) -> None:
        """Nobody answered the ringing, or somebody declined."""
        if self._connection is None:
            self._end(status, reason)

    # The Leg door.

    @property
    def state(self) -> LegState:
        """See `Leg`."""
        return self._progress.state

    @property
    def status(self) -> int:
        """See `Leg`."""
        return self._progress.status

    @property
    def reason(self) -> str:
        """See `Leg`."""
        return self._progress.reason

    @property
    def redirects(self) -> tuple[str, ...]:
        """See `Leg`."""
        return ()

    @property
    def early_media(self) -> bool:
        """See `Leg`."""
        return self.state is LegState.EARLY and self._port.open

    @property
    def quality(self) -> Quality | None:
        """See `Leg`."""
        over = self.state is LegState.DISCONNECTED
        return self._presence.quality if over and self._presence is not None else None

    @property
    def on_hold(self) -> bool:
        """See `Leg`."""
        return self._port.held and self.state is LegState.CONFIRMED

    def on_change(self, listener: Callable[[Leg], None]) -> None:
        """See `Leg`."""
        self._progress.on_change(lambda: listener(self))

    async def answer(self, status: int = 200) -> None:
        """See `Leg`. A 200 returns when sound passes; the page is told to ring before."""
        if self.state is LegState.CONFIRMED:
            return
        if status >= 200:
            await self._connects()
            self._up()
        elif self.state is not LegState.DISCONNECTED:
            self._port.open = status == 183
            self._progress.move(LegState.EARLY, status, "Ringing")
            self._tell_state("ringing")
        else:
            raise LegFailed(481, "the leg has ended")

    async def hangup(self, status: int = 603, reason: str = "") -> None:
        """See `Leg`. Returns when the page was told, or cannot be."""
        if self.state is not LegState.DISCONNECTED:
            bye = self.state is LegState.CONFIRMED
            unanswered = status if self._connection is not None else 487
            told = reasons.parse(reason)
            self._end(200 if bye else unanswered, told.text if told else "")
        await self._tasks.done()

    async def hold(self) -> None:
        """See `Leg`. The page is told; it is not heard, and hears what is played on hold."""
        await self._hold(True)

    async def resume(self) -> None:
        """See `Leg`."""
        await self._hold(False)

    async def send_digits(self, digits: str) -> None:
        """See `Leg`. The page gets them as a message each."""
        await self.wait(LegState.CONFIRMED)
        for stroke in keystrokes(digits):
            if isinstance(stroke, float):
                await asyncio.sleep(stroke)
            elif self._connection is not None:
                self._connection.tell({"type": "digits", "digits": stroke})

    def digits(self) -> AsyncIterator[Key]:
        """See `Leg`."""
        return self._keys.open()

    def texts(self) -> AsyncIterator[str]:
        """See `Leg`."""
        return self._texts.open()

    async def refer(self, target: str | Leg, *, timeout: float = 60.0) -> ReferOutcome:
        """See `Leg`. Always refused: whoever wanted it bridges."""
        await self.wait(LegState.CONFIRMED)
        return ReferOutcome(501, "a browser cannot be sent to call somebody itself", refused=True)

    def on_refer(self, judge: Judge) -> None:
        """See `Leg`. A browser never asks."""

    async def report(self, status: int, reason: str, *, final: bool = False) -> None:
        """See `Leg`. There is nothing to report: a browser never asked."""

    async def wait(self, *states: LegState) -> LegState:
        """See `Leg`."""
        return await self._progress.wait(*states)

    # The bridge's side.

    @property
    def media(self) -> Any:
        """The native conference member, for as long as the leg lives and is being parted."""
        return self._port

    def on_media(self, listener: Callable[[], None]) -> None:
        """See `Conferee`: it is always the same member."""

    # What the connection tells.

    def _said(self, message: Mapping[str, Any]) -> None:
        kind = message.get("type")
        if kind == "digits" and isinstance(keys := message.get("digits"), str):
            for key in keys[:_KEYS_AT_ONCE].upper():
                if key in KEYS:
                    self._keys.press(Key(key, "webrtc"))
        elif kind == "text" and isinstance(text := message.get("text"), str) and text:
            self._texts.tell(text[:_LONGEST_TEXT])
        elif kind == "hangup":
            self.left()

    def left(self) -> None:
        """The page hangs up (BYE), or does not want to wait any longer (CANCEL)."""
        if self.state is LegState.CONFIRMED:
            self._end(200, "")
        else:
            self._end(487, "Request Terminated")

    def _now_connected(self) -> None:
        self._connected.set()
        if self._rung and self.state in (LegState.CALLING, LegState.EARLY):
            self._up()

    def _now_closed(self, goodbye: bool) -> None:
        if goodbye:
            self.left()
        else:
            self._end(408, "the way to the browser is lost")

    async def _connects(self) -> None:
        """Until sound can pass. Raises LegFailed."""
        connected = asyncio.ensure_future(self._connected.wait())
        gone = asyncio.ensure_future(self._progress.wait(LegState.DISCONNECTED))
        try:
            await asyncio.wait(
                {connected, gone}, timeout=CONNECTING, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            connected.cancel()
            gone.cancel()
        if self.state is LegState.DISCONNECTED or not self._connected.is_set():
            raise LegFailed(self.status or 408, self.reason or "the browser did not connect")

    def _up(self) -> None:
        self._port.open = True
        self._progress.move(LegState.CONFIRMED, 200, "OK")
        self._tell_state("up")

    async def _hold(self, held: bool) -> None:
        await self.wait(LegState.CONFIRMED)
        if self._port.held is not held:
            self._port.held = held
            self._tell_state("held" if held else "up")
            self._progress.notify()

    def _tell_state(self, state: str, **more: object) -> None:
        if self._connection is not None:
            self._connection.tell({"type": "state", "state": state, **more})

    async def _watch(self, presence: Presence) -> None:
        self._end(408, await presence.missed())

    def _end(self, status: int, reason: str) -> None:
        self._port.open = False
        self._tell_state("ended", status=status, reason=reason)
        if not self._progress.move(LegState.DISCONNECTED, status, reason):
            return
        self._keys.end()
        self._texts.end()
        self._tasks.cancel()
        # only now is it connected to nobody: a listener has parted it
        self._ports.give_back(self._port)
        if self._connection is not None:
            self._tasks.start(self._connection.close())
