"""Doorman: every message and connection of the world passes here before anybody looks at it."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto

import structlog

from sipagent.config import Settings
from sipagent.edge.counters import Counters
from sipagent.edge.headers import Bad, parse_uri
from sipagent.edge.listeners import LOOP, Peer
from sipagent.edge.message import Message

from .bans import Ban, Bans
from .buckets import Buckets, Recent
from .offences import Offence, Offences
from .sources import Known, source_of

_log = structlog.get_logger(__name__)
#: seconds' worth of messages that may come at once
_BURST = 3.0
#: sources with buckets, and acquaintances, at once
_ROOM = 8_192
#: seconds somebody stays an acquaintance, and how much faster it may speak
_ACQUAINTED = 3600.0
_FASTER = 10.0
#: where scanners say who they are
_SELF_TOLD = frozenset((b"user-agent", b"from", b"to"))
#: answers that tell somebody asked in vain
_IN_VAIN = frozenset((401, 403, 404, 407))
#: answers that say the request itself was no good to anybody
_REFUSALS = _IN_VAIN | {400, 405, 416, 420, 481, 482, 483, 489, 505, 513}


class Standing(Enum):
    """Who somebody is to us."""

    TRUSTED = auto()
    ACQUAINTED = auto()
    STRANGER = auto()


class Doorman:
    """Limits, silences and bans. Times are the loop's, but for bans, which outlive us.

    `on_ban` is called with the source of each new ban.
    """

    def __init__(
        self,
        settings: Settings,
        counters: Counters,
        now: Callable[[], float],
        clock: Callable[[], float] = time.time,
    ) -> None:
        guard = settings.guard
        self._settings = guard
        self._counters = counters
        self._now = now
        self._clock = clock
        trunks = (n for trunk in settings.trunks.values() for n in trunk.addresses)
        front = settings.cluster.front if settings.cluster is not None else None
        fronts = front.trusted if front is not None else ()
        self._trusted = Known([*guard.allow, *settings.sip.guests, *trunks, *fronts])
        rate, methods = guard.messages_per_second, guard.methods_per_second
        self._any = {
            Standing.STRANGER: Buckets(rate, _BURST * rate, _ROOM),
            Standing.ACQUAINTED: Buckets(_FASTER * rate, _FASTER * _BURST * rate, _ROOM),
        }
        self._methods = {
            (standing, name.upper().encode()): Buckets(f * each, f * _BURST * each, _ROOM)
            for standing, f in ((Standing.STRANGER, 1.0), (Standing.ACQUAINTED, _FASTER))
            for name, each in methods.items()
        }
        everybody = guard.strangers_per_second
        self._strangers = Buckets(everybody, everybody, 1)
        self._acquaintances: Recent[float] = Recent(_ROOM)
        self._offences = Offences(guard.bans)
        self._scanners = [word.lower().encode() for word in guard.bans.scanners if word]
        self._connected: Counter[str] = Counter()
        self.bans = Bans()
        self.on_ban: Callable[[str], None] = lambda source: None

    # messages

    def hears(self, peer: Peer) -> bool:
        """May this source speak now? Asked before its message is read."""
        if peer.flow == LOOP or not self._settings.enabled or peer.host in self._trusted:
            return True
        source = source_of(peer.host)
        if self.bans.holds(source, self._clock()):
            self._counters.silenced += 1
            return False
        now = self._now()
        standing = self._standing(source, now)
        if not self._any[standing].take(source, now):
            self._too_fast(source, standing, now)
            return False
        if standing is Standing.STRANGER and not self._strangers.take("", now):
            self._counters.silenced += 1
            return False
        return True

    def takes(self, request: Message, peer: Peer) -> bool:
        """May this request be dealt with? Else there is no answer to it."""
        if peer.flow == LOOP or not self._settings.enabled or peer.host in self._trusted:
            return True
        source, now = source_of(peer.host), self._now()
        standing = self._standing(source, now)
        buckets = self._methods.get((standing, request.method))
        if buckets is not None and not buckets.take(source, now):
            self._too_fast(source, standing, now)
            return False
        if standing is Standing.ACQUAINTED:
            return True
        if (word := self._scanner(request)) is not None:
            self._ban(source, f"scanner: {word}")
            return False
        asks = request.method == b"OPTIONS" and not request.to.tag
        if asks and not self._settings.answer_options:
            self._counters.silenced += 1
            self._wanted(source, request, now)
            return False
        return True

    # what comes of them

    def spoken_to(self, host: str) -> None:
        """We sent a request there: who answers is no stranger."""
        with suppress(OSError):  # a name is no source
            if host not in self._trusted:
                self._acquaint(source_of(host))

    def proved(self, peer: Peer) -> None:
        """A password was right."""
        if peer.flow != LOOP and peer.host not in self._trusted:
            source = source_of(peer.host)
            self._acquaint(source)
            self._offences.proved(source)

    def failed_login(self, peer: Peer) -> None:
        """A password was wrong, in answer to a challenge that only this source can have got."""
        if self._counts(peer):
            source = source_of(peer.host)
            if self._offences.add(source, Offence.FAILED_LOGIN, self._now()):
                self._ban(source, Offence.FAILED_LOGIN)

    def refused(self, request: Message, peer: Peer, status: int) -> None:
        """We said no to a request."""
        if status not in _REFUSALS or not self._counts(peer):
            return
        source, now = source_of(peer.host), self._now()
        if self._standing(source, now) is Standing.ACQUAINTED:
            return
        if self._offences.add(source, Offence.REFUSAL, now):
            self._ban(source, Offence.REFUSAL)
        elif status in _IN_VAIN:
            self._wanted(source, request, now)

    def ban(self, source: str, why: str) -> None:
        """By hand."""
        self._ban(source, why)

    def banned(self, host: str) -> bool:
        """True while its source is banned."""
        trusted = not self._settings.enabled or host in self._trusted
        return not trusted and self.bans.holds(source_of(host), self._clock())

    # connections

    def opens(self, host: str) -> bool:
        """May it connect? Then `closes` must be told of the end."""
        if not self._settings.enabled or host in self._trusted:
            return True
        source, limits = source_of(host), self._settings.connections
        if self.bans.holds(source, self._clock()):
            return False
        if self._connected[source] >= limits.of_one or self._connected.total() >= limits.in_all:
            self._counters.turned_away += 1
            return False
        self._connected[source] += 1
        return True

    def closes(self, host: str) -> None:
        """A connection that was let in is gone."""
        source = source_of(host)
        if self._connected[source] > 1:
            self._connected[source] -= 1
        else:
            del self._connected[source]

    def hurries(self, host: str) -> float | None:
        """See `Gate`."""
        if not self._settings.enabled or host in self._trusted:
            return None
        return self._settings.connections.hello_seconds

    def sweep(self) -> None:
        """Forget bans of long ago."""
        self.bans.sweep(self._clock())

    @property
    def remembered(self) -> int:
        """Entries in memory for sources that are not trusted."""
        buckets = [*self._any.values(), *self._methods.values()]
        return sum(map(len, buckets)) + len(self._acquaintances) + len(self._offences)

    # small tools

    def _counts(self, peer: Peer) -> bool:
        return self._settings.enabled and peer.flow != LOOP and peer.host not in self._trusted

    def _standing(self, source: str, now: float) -> Standing:
        until = self._acquaintances.get(source)
        return Standing.ACQUAINTED if until is not None and until > now else Standing.STRANGER

    def _acquaint(self, source: str) -> None:
        self._acquaintances.put(source, self._now() + _ACQUAINTED)

    def _too_fast(self, source: str, standing: Standing, now: float) -> None:
        self._counters.silenced += 1
        # an acquaintance's address may be forged to have it banned
        if standing is Standing.STRANGER and self._offences.add(source, Offence.FLOOD, now):
            self._ban(source, Offence.FLOOD)

    def _wanted(self, source: str, request: Message, now: float) -> None:
        """It asked for somebody in vain."""
        uri = request.to.uri if request.method == b"REGISTER" else request.uri
        try:
            name = parse_uri(uri).user
        except Bad:
            return
        if name and self._offences.asked(source, name, now):
            self._ban(source, Offence.EXTENSION)

    def _scanner(self, request: Message) -> str | None:
        told = b"\n".join(h.value for h in request.headers if h.key in _SELF_TOLD).lower()
        return next((word.decode() for word in self._scanners if word in told), None)

    def _ban(self, source: str, why: str) -> None:
        ban: Ban = self.bans.add(source, why, self._settings.bans.seconds, self._clock())
        self._offences.forget(source)
        self._acquaintances.drop(source)
        self._counters.banned += 1
        _log.warning(
            "source_banned", source=source, why=why, until=ban.ends.isoformat(), times=ban.times
        )
        self.on_ban(source)
