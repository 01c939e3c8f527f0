"""Watchdog: nobody else speaks for a party that is heard; why one is not is told in seconds."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from weakref import WeakKeyDictionary

from sipagent.call.leg import LegState
from sipagent.legs.diagnosis import Address, Received, Watch, diagnose
from sipagent.legs.fence import fence
from sipagent.legs.latch import Latch
from sipagent.legs.pjsip import Endpoint
from sipagent.legs.reception import ends, path, received
from sipagent.legs.sip import SipLeg

_LOOK_SECONDS = 0.25

#: told the leg's id and the diagnosis
Warn = Callable[[str, str], None]


class Latched:
    """A leg's latch, and the fence it has put up."""

    def __init__(self) -> None:
        self._latch = Latch()
        self._fenced: tuple[int, tuple[Address, ...]] = (0, ())

    def look(self, leg: SipLeg, heard: Received | None, now: float) -> None:
        """Let nobody else speak in the place of whom we hear."""
        known = ends(leg) if heard is not None else None
        if known is None or heard is None:
            return
        described, source, port = known
        wanted = port, self._latch.look(described, source, heard.packets, now)
        if wanted != self._fenced:
            fence(*wanted)
            self._fenced = wanted


class MediaWatchdog:
    """Looks at every answered leg of the endpoint. `source` is where the caller's SIP comes
    from, `public` the address our SDP gives instead of our own.
    """

    def __init__(
        self, endpoint: Endpoint, warn: Warn, *, caller: object, source: str, public: str | None
    ) -> None:
        self._endpoint = endpoint
        self._warn = warn
        self._caller = caller
        self._source = source
        self._public = public
        self._watches: WeakKeyDictionary[SipLeg, Watch] = WeakKeyDictionary()
        self._latches: WeakKeyDictionary[SipLeg, Latched] = WeakKeyDictionary()

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            for leg in tuple(self._endpoint.legs):
                if leg.state is LegState.CONFIRMED:
                    heard = received(leg)
                    self._latches.setdefault(leg, Latched()).look(leg, heard, loop.time())
                    self._look(leg, heard, loop.time())
            await asyncio.sleep(_LOOK_SECONDS)

    def _look(self, leg: SipLeg, heard: Received | None, now: float) -> None:
        watch = self._watches.setdefault(leg, Watch())
        trouble = watch.look(heard, now)
        if trouble is None:
            return
        way = path(leg, self._source if leg is self._caller else "", self._public)
        if way is None:
            return
        six = self._endpoint.six
        relay = six.relay(leg.info.sip_call_id) if six is not None else None
        if relay is not None:  # the library sees no further than it
            way = replace(way, described=relay.described, source=relay.source, ours=relay.ours)
        self._warn(leg.info.id, diagnose(trouble, way))
