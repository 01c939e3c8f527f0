"""Browsers of one call: the page that called, and pages that are rung by name."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from sipagent.call.dial import Dial, Dialer
from sipagent.call.leg import Leg, LegState
from sipagent.call.session import CallSession
from sipagent.call.target import WEB, normalise
from sipagent.config import Settings
from sipagent.errors import LegFailed
from sipagent.events import Event
from sipagent.legs.webrtc.captions import Sees
from sipagent.providers.late import Late
from sipagent.tasks import Background

from .browsing import (
    BrowserAnswered,
    BrowserCall,
    BrowserLeft,
    BrowserOffered,
    BrowserOver,
    BrowserRings,
    BrowserStops,
    FromWorker,
    Rang,
    ToWorker,
)

if TYPE_CHECKING:
    from sipagent.legs.webrtc.booth import Booth
    from sipagent.legs.webrtc.leg import WebRtcLeg

#: nothing of it is imported where the settings have no `webrtc`
BOOTH: "Late[Booth]" = Late("sipagent.legs.webrtc.booth")
#: browser legs of one call at a time
_MOST = 4
#: seconds for the gateway to say whether anybody listens
_PATIENCE = 5.0


class Browsers:
    """Makes browser legs and speaks of them with the gateway."""

    def __init__(self, send: Callable[[FromWorker], None]) -> None:
        self._send = send
        self._booth: Booth | None = None
        self._caller = ""
        self._sessions: dict[str, WebRtcLeg] = {}
        self._ringing: dict[str, tuple[BrowserRings, WebRtcLeg]] = {}
        self._tasks = Background()

    def open(self, settings: Settings, caller: str, media_address: str | None) -> None:
        """Legs can be made from now on, where the settings want them; `caller` is shown to whom
        they ring.
        """
        self._caller = caller
        if settings.webrtc is not None:
            rtp = settings.rtp
            host = settings.webrtc.host or rtp.host
            public = media_address or rtp.public_address
            self._booth = BOOTH(host, public, rtp.first, rtp.last)

    async def arrived(self, call: BrowserCall, number: str) -> Leg | None:
        """The leg of the page that called; None where its offer is no good."""
        if self._booth is None:
            self._refuse(call.session, LegFailed(503, "no browsers here: webrtc is not set"))
            return None
        leg = self._booth.incoming(call.name, number)
        if not await self._answer(leg, call.session, call.offer, call.sees):
            return None
        return leg

    async def ring(self, name: str) -> Leg:
        """A leg whose pages are being rung. Raises LegFailed: 480 where none listens, 503."""
        if self._booth is None:
            raise LegFailed(503, "no browsers here: webrtc is not set")
        if len(self._ringing) + len(self._sessions) >= _MOST:
            raise LegFailed(503, f"{_MOST} browsers are in this call")
        leg = self._booth.outgoing(name)
        ring = BrowserRings(ring=secrets.token_hex(8), name=name, caller=self._caller)
        self._ringing[ring.ring] = ring, leg
        leg.on_change(lambda changed: self._rung(ring.ring, changed))
        self._send(ring)
        timer = asyncio.get_running_loop().call_later(_PATIENCE, leg.unheard)
        leg.on_change(lambda _: timer.cancel())
        return leg

    def follow(self, call: CallSession) -> None:
        """Show the call's events to its pages, as far as each may see them."""
        call.watch(self._happened)

    def told(self, message: ToWorker) -> None:
        """The gateway speaks of a page."""
        match message:
            case Rang() if message.ring in self._ringing:
                leg = self._ringing[message.ring][1]
                if message.status == 180:
                    leg.rings()
                else:
                    leg.refused(message.status, message.reason)
            case BrowserOffered():
                self._offered(message)
            case BrowserLeft() if message.session in self._sessions:
                self._sessions[message.session].left()

    def announce(self) -> None:
        """Tell a new gateway who is being rung."""
        for ring, _ in list(self._ringing.values()):
            self._send(ring)

    def _offered(self, message: BrowserOffered) -> None:
        known = self._ringing.get(message.ring)
        if known is None:
            self._refuse(message.session, LegFailed(410, "it rings no more"))
            return
        self._tasks.start(self._answer(known[1], message.session, message.offer, message.sees))

    async def _answer(self, leg: "WebRtcLeg", session: str, offer: str, sees: Sees) -> bool:
        try:
            answer = await leg.offered(offer, sees)
        except LegFailed as failed:
            self._refuse(session, failed)
            return False
        self._sessions[session] = leg
        leg.on_change(lambda changed: self._over(session, changed))
        self._send(BrowserAnswered(session=session, answer=answer))
        return True

    def _refuse(self, session: str, why: LegFailed) -> None:
        self._send(BrowserAnswered(session=session, status=why.status, detail=why.reason))

    def _rung(self, ring: str, leg: Leg) -> None:
        if leg.state in (LegState.CONFIRMED, LegState.DISCONNECTED):
            with suppress(KeyError):
                del self._ringing[ring]
                self._send(BrowserStops(ring=ring, reason=leg.reason))

    def _over(self, session: str, leg: Leg) -> None:
        if leg.state is LegState.DISCONNECTED:
            self._sessions.pop(session, None)
            self._send(BrowserOver(session=session))

    def _happened(self, event: Event) -> None:
        for leg in self._sessions.values():
            leg.show(event)


class BrowserDialer:
    """A Dialer over another one, which takes everything but `web:NAME`."""

    def __init__(self, inner: Dialer, browsers: Browsers) -> None:
        self._inner = inner
        self._browsers = browsers

    async def dial(self, dial: Dial) -> Leg:
        """As `Dialer.dial`. Raises LegFailed."""
        if dial.target.startswith(WEB):
            return await self._browsers.ring(normalise(dial.target).removeprefix(WEB))
        return await self._inner.dial(dial)
