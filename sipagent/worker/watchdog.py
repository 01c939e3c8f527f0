"""Watchdog: nobody else speaks for a party that is heard; why one is not is told in seconds."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from weakref import WeakKeyDictionary

from sipagent.call.leg import LegState
from sipagent.legs.diagnosis import Address, Trouble, Watch, diagnose
from sipagent.legs.fence import fence
from sipagent.legs.latch import Latch
from sipagent.legs.pjsip import Endpoint
from sipagent.legs.reception import Reception, Seen, path
from sipagent.legs.sip import SipLeg

_LOOK_SECONDS = 0.25
#: the same where every leg is heard from where it should be; new media are looked at when they come
_STEADY_SECONDS = 0.5

#: told the leg's id and the diagnosis
Warn = Callable[[str, str], None]


class _Latched:
    """A leg's latch, and the fence it has put up."""

    def __init__(self) -> None:
        self._latch = Latch()
        self._fenced: tuple[int, tuple[Address, ...]] = (0, ())

    @property
    def holds(self) -> bool:
        """Is everybody else shut out?"""
        return bool(self._fenced[1])

    def look(self, seen: Seen, now: float) -> None:
        """Let nobody else speak in the place of whom we hear."""
        if not seen.port:
            return
        packets = seen.received.packets
        wanted = seen.port, self._latch.look(seen.described, seen.source, packets, now)
        if wanted != self._fenced:
            fence(*wanted)
            self._fenced = wanted


@dataclass(frozen=True, slots=True)
class _Watched:
    """What is known of one leg."""

    reception: Reception = field(default_factory=Reception)
    latched: _Latched = field(default_factory=_Latched)
    watch: Watch = field(default_factory=Watch)


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
        self._legs: WeakKeyDictionary[SipLeg, _Watched] = WeakKeyDictionary()
        self._new_media = asyncio.Event()

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self._new_media.clear()
            steady = [self._look(leg, loop.time()) for leg in tuple(self._endpoint.legs)]
            seconds = _STEADY_SECONDS if steady and all(steady) else _LOOK_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._new_media.wait()

    def _look(self, leg: SipLeg, now: float) -> bool:
        """Look at one leg that was answered; may the next look be later than usual?"""
        if leg.state is not LegState.CONFIRMED:
            return False
        watched = self._legs.get(leg)
        if watched is None:
            watched = self._legs[leg] = _Watched()
            leg.on_media(self._new_media.set)
        seen = watched.reception.look(leg)
        if seen is not None:
            watched.latched.look(seen, now)
        trouble = watched.watch.look(None if seen is None else seen.received, now)
        if trouble is not None:
            self._diagnose(leg, trouble)
        return seen is not None and watched.latched.holds

    def _diagnose(self, leg: SipLeg, trouble: Trouble) -> None:
        way = path(leg, self._source if leg is self._caller else "", self._public)
        if way is None:
            return
        six = self._endpoint.six
        relay = six.relay(leg.info.sip_call_id) if six is not None else None
        if relay is not None:  # the library sees no further than it
            way = replace(way, described=relay.described, source=relay.source, ours=relay.ours)
        self._warn(leg.info.id, diagnose(trouble, way))
