"""PhoneCall: one call of a phone, as a person has it: talk, press, hold, hand over, hang up."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sipagent.call.leg import LegState, ReferOutcome
from sipagent.errors import LegFailed

from . import audio
from .keys import Keys
from .listening import SilenceWatch, SpeechWatch
from .negotiation import Negotiation
from .referral import Referral
from .rtp import Packet
from .sending import Played
from .sip.agent import Outgoing, UserAgent
from .sip.dialog import Dialog, replaces
from .sip.invite import InviteSession
from .sip.message import Headers, Request, Response, address_uri
from .sip.parties import Side
from .sip.sdp import Direction
from .stream import RtpStream


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call ended: by whom, the status (200 for a BYE), the phrase, and when."""

    by: Side
    status: int
    reason: str
    at: float


@dataclass(slots=True)
class Times:
    """When things happened (perf_counter); None for what did not."""

    begun: float
    ringing: float | None = None
    answered: float | None = None
    ended: float | None = None

    @property
    def setup_ms(self) -> float | None:
        """INVITE to 200."""
        return None if self.answered is None else 1000 * (self.answered - self.begun)


class PhoneCall:
    """Made by `Phone.dial`, or handed to `Phone.on_call`."""

    def __init__(
        self,
        agent: UserAgent,
        dialog: Dialog,
        stream: RtpStream,
        media: Negotiation,
        keys: Keys,
        *,
        invite: Request | None = None,
        on_refer: Callable[["PhoneCall", Request], int],
    ) -> None:
        self.stream = stream
        self.media = media
        self.keys = keys
        self.times = Times(time.perf_counter())
        #: the peer's INVITE, None when we call
        self.invite = invite
        self.session = InviteSession(agent, dialog, media, self)
        #: resolved once, with how it ended
        self.ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        #: how the last REFER we sent goes
        self.referral = Referral()
        self._on_refer = on_refer

    # What it is.

    @property
    def id(self) -> str:
        """The SIP Call-ID."""
        return self.session.dialog.call_id

    @property
    def remote(self) -> str:
        """The far end's URI."""
        return address_uri(self.session.dialog.remote)

    @property
    def state(self) -> LegState:
        """Where the INVITE session stands."""
        return self.session.state

    def messages(self, what: str | int = "", *, sent: bool = False) -> list[Request | Response]:
        """What came (or was `sent`) in this call: all, requests of one method, or responses of
        one status; retransmissions too.
        """
        passed = self.session.agent.messages(sent=sent, call_id=self.id)
        return [m for m in passed if not what or what in _kinds(m)]

    def distinct(self, what: str | int, *, sent: bool = False) -> list[Request | Response]:
        """The same, each once: a machine that is late has messages sent again."""
        return list({m.cseq: m for m in reversed(self.messages(what, sent=sent))}.values())[::-1]

    @property
    def received(self) -> list[Packet]:
        """Every RTP packet that came (as far as it is kept), in order of arrival."""
        return self.stream.heard.packets()

    @property
    def on_hold(self) -> bool:
        """True while either side has the other on hold."""
        return self.media.held or self.media.wish is not Direction.SENDRECV

    # Being called.

    def ring(self, *, reliable: bool = False) -> None:
        """Send 180; `reliable` asks for its PRACK."""
        self.session.progress(180, reliable=reliable)

    def early_media(self, *, reliable: bool = False) -> None:
        """Send 183 with an answer: from now on both sides are heard."""
        self.session.progress(183, early_media=True, reliable=reliable)

    def answer(self, headers: Headers = ()) -> None:
        """Send 200, or 488 when there is no codec in common."""
        self.session.accept(headers)

    def refuse(self, status: int = 486, headers: Headers = ()) -> None:
        """Send a final status of 300 or more (`headers`: Contact for a 302)."""
        self.session.refuse(status, headers)

    # Being in a call.

    async def wait_answered(self, timeout: float = 32.0) -> None:
        """Wait for the 200. Raises LegFailed when refused, TimeoutError when nothing came."""
        async with asyncio.timeout(timeout):
            await asyncio.wait((self._answered, self.ended), return_when=asyncio.FIRST_COMPLETED)
        if not self._answered.done():
            end = self.ended.result()
            raise LegFailed(end.status, end.reason)

    async def wait_ended(self, timeout: float = 32.0) -> Ended:
        """Wait until the call is over. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            return await asyncio.shield(self.ended)

    async def hangup(self, status: int = 603, headers: Headers = ()) -> Ended:
        """BYE, CANCEL, or `status` for a call not yet answered. Waits for the end."""
        await self.session.end(status, headers)
        return await asyncio.shield(self.ended)

    async def play(self, pcm: bytes, *, wide: bool = False) -> Played:
        """Send PCM (s16le at 8 kHz, or 16 kHz when `wide`) in real time; returns when the last
        of it was sent.
        """
        return await self.stream.played(self.stream.sender.play(pcm, wide=wide))

    def stop_playing(self) -> None:
        """Fall silent; `play` returns at once."""
        self.stream.sender.stop()

    async def press(self, keys: str, *, milliseconds: int = 100, info: bool = False) -> None:
        """Press keys, as RFC 4733 events or as INFO; returns when they were sent.

        Raises ValueError when one is no key, LegFailed when an INFO is refused.
        """
        if not info:
            await self.stream.played(self.stream.sender.press(keys, milliseconds))
            return
        for key in keys:
            body = f"Signal={key}\r\nDuration={milliseconds}\r\n".encode()
            out = Outgoing("INFO", (), body, "application/dtmf-relay")
            _require_ok(await self.session.ask(out))

    async def hold(self, direction: Direction = Direction.SENDONLY) -> None:
        """Put the far end on hold. Raises LegFailed when refused."""
        await self._redirect(direction)

    async def resume(self) -> None:
        """Take the far end back. Raises LegFailed when refused."""
        await self._redirect(Direction.SENDRECV)

    async def refer(
        self, target: str, *, replacing: "PhoneCall | None" = None, timeout: float = 32.0
    ) -> ReferOutcome:
        """Ask the far end to call `target`, or to take the place we have in another call
        (attended transfer), and wait for what it reports; 408 where it reports no end.
        """
        if replacing is not None:
            value = quote(replaces(replacing.session.dialog), safe="")
            target = f"{replacing.session.dialog.target.split('?')[0]}?Replaces={value}"
        headers = (("Refer-To", f"<{target}>"), ("Referred-By", self.session.dialog.contact))
        self.referral = Referral()
        response = await self.session.ask(Outgoing("REFER", headers))
        if response.status >= 300:
            return ReferOutcome(response.status, response.reason)
        return await self.referral.outcome(timeout)

    async def notify(self, status: int, reason: str, *, final: bool) -> None:
        """Tell the far end how its REFER goes (RFC 3515 section 2.4.4)."""
        state = "terminated;reason=noresource" if final else "active;expires=60"
        headers = (("Event", "refer"), ("Subscription-State", state))
        body = f"SIP/2.0 {status} {reason}\r\n".encode()
        await self.session.ask(Outgoing("NOTIFY", headers, body, "message/sipfrag;version=2.0"))

    async def send_request(self, method: str, body: bytes = b"", content_type: str = "") -> int:
        """Send any request in the dialog (MESSAGE, OPTIONS, INFO ...); returns its final status."""
        out = Outgoing(method, (), body, content_type or "text/plain")
        return (await self.session.ask(out)).status

    # Listening.

    async def wait_for_speech(self, timeout: float) -> float:
        """When the far end's next speech began on the wire. Raises TimeoutError."""
        return await self.stream.watch(SpeechWatch(), timeout)

    async def wait_for_silence(self, milliseconds: int, timeout: float) -> float:
        """Wait until nothing was heard for that long, from now on; when the silence began.

        Raises TimeoutError.
        """
        watch = SilenceWatch(milliseconds / 1000, time.perf_counter())
        return await self.stream.watch(watch, timeout)

    async def wait_for_digits(self, count: int, timeout: float) -> str:
        """The next `count` keys the far end presses. Raises TimeoutError."""
        return await self.keys.take(count, timeout)

    def rms_since(self, since: float) -> float:
        """RMS (16-bit units) of what was heard since a time."""
        return self.stream.heard.rms_since(since)

    def heard_wav(self, path: Path) -> None:
        """What was heard as a WAV file, gaps as silence."""
        self.stream.heard.write_wav(path)

    def sent_wav(self, path: Path) -> None:
        """What was sent as a WAV file."""
        self.stream.said.write_wav(path)

    def stereo_wav(self, path: Path) -> None:
        """Both directions on one timeline: left sent, right heard."""
        tracks = (self.stream.said, self.stream.heard)
        starts = [track.packets()[0].at for track in tracks if track.packets()]
        sides = [track.pcm(min(starts, default=0.0)) for track in tracks]
        audio.write_wav(path, audio.interleave(*sides), channels=2)

    def rtp_stats(self) -> Mapping[str, Any]:
        """Loss, jitter and lateness of what was heard, and how well we kept time ourselves."""
        return {
            "heard": asdict(self.stream.reception),
            "sent": asdict(self.stream.departures),
        }

    # What the session tells.

    def changed(self, state: LegState, status: int, reason: str, by: Side) -> None:
        """See `Listener`."""
        now = time.perf_counter()
        if state is LegState.EARLY:
            self.times.ringing = self.times.ringing or now
        elif state is LegState.CONFIRMED and not self._answered.done():
            self.times.answered = now
            self._answered.set_result(None)
        elif state is LegState.DISCONNECTED and not self.ended.done():
            self.times.ended = now
            self.stream.route.sending = False
            self.stream.sender.stop()
            self.ended.set_result(Ended(by, status, reason, now))

    def got_info(self, request: Request) -> None:
        """See `Listener`."""
        self.keys.read_info(request)

    def got_refer(self, request: Request) -> int:
        """See `Listener`."""
        return self._on_refer(self, request)

    def got_notify(self, request: Request) -> None:
        """See `Listener`."""
        self.referral.notified(request)

    async def _redirect(self, direction: Direction) -> None:
        before, self.media.wish = self.media.wish, direction
        try:
            await self.session.reinvite()
        except LegFailed:
            self.media.wish = before
            raise


def _kinds(message: Request | Response) -> tuple[str | int, ...]:
    return (message.method,) if isinstance(message, Request) else (message.status,)


def _require_ok(response: Response) -> None:
    if response.status >= 300:
        raise LegFailed(response.status, response.reason)
