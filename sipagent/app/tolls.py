"""Tolls: what calls by trunks came to today, over all workers, and who may not go on."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import structlog

from sipagent.call.leg import LegState
from sipagent.call.numbers import number_of
from sipagent.call.toll import Toll, TollPolicy
from sipagent.edge.desk import Leaving, Refused
from sipagent.errors import CallError
from sipagent.events import CallEnded, Event, LegChanged

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Sum:
    """What one caller or trunk came to on one day."""

    calls: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class _Live:
    """A call by a trunk: from its INVITE to its end; `since` its answer."""

    call_id: str
    payers: tuple[str, str]
    since: datetime | None = None


class Tolls:
    """Counts each call by a trunk for its caller and for the trunk, and refuses what is too much.

    `now` is in the settings' time zone: a day is a day there. `changed` is called with what is to
    be kept over a restart. `trunks` are the names of those.
    """

    def __init__(
        self,
        toll: Toll,
        policy: TollPolicy,
        now: Callable[[], datetime],
        trunks: Collection[str] = (),
    ) -> None:
        self._toll = toll
        self._policy = policy
        self._now = now
        self._trunks = trunks
        self.changed: Callable[[date, str, Sum], None] = lambda day, payer, total: None
        self._day = now().date()
        self._sums: dict[str, Sum] = {}
        #: what other nodes have counted today
        self._elsewhere: dict[str, Sum] = {}
        #: by SIP Call-ID of the leg that goes out
        self._live: dict[str, _Live] = {}

    def restore(self, day: date, sums: Mapping[str, Sum]) -> None:
        """Go on from what was kept."""
        if day == self._day:
            self._sums = dict(sums)

    def others(self, day: date, sums: Mapping[str, Sum]) -> None:
        """What other nodes have counted so far."""
        if day == self._day:
            self._elsewhere = dict(sums)

    def forget(self, theirs: Callable[[str], bool]) -> None:
        """Begin anew with somebody's sums of today."""
        for sums in (self._sums, self._elsewhere):
            for payer in [payer for payer in sums if theirs(payer)]:
                del sums[payer]

    def reload(self, toll: Toll, policy: TollPolicy, trunks: Collection[str]) -> None:
        """Judge by these from now on; what was counted stays."""
        self._toll, self._policy, self._trunks = toll, policy, trunks

    def payer(self, account: str | None, caller: str, address: str) -> str:
        """Whose calls today count together: a phone's, those of a number that calls by a trunk,
        else those of an address.
        """
        if account is None:
            return address
        number = f"/{number_of(caller)}" if account in self._trunks else ""
        return account + number

    def leaves(self, call: Leaving, call_id: str, caller: str) -> None:
        """A worker's INVITE wants to leave by a trunk. Raises Refused."""
        now = self._today()
        try:
            why = self._policy.why_not(call.target, now)
        except CallError:  # no number: it costs what a trunk wants for it, and is counted
            why = None
        again = call.sip_call_id in self._live  # with credentials
        if why is None and not again:
            why = self._too_much(caller, call.trunk, now)
        if why is not None:
            log.warning("toll_refused", why=why, caller=caller, trunk=call.trunk, call_id=call_id)
            raise Refused(403, why)
        if not again:
            payers = f"caller {caller}", f"trunk {call.trunk}"
            self._live[call.sip_call_id] = _Live(call_id, payers)
            for payer in payers:
                self._add(payer, calls=1)

    def happened(self, event: Event) -> None:
        """An event of a call."""
        if isinstance(event, LegChanged):
            live = self._live.get(event.sip_call_id)
            if live is None:
                return
            if event.state == LegState.CONFIRMED and live.since is None:
                live.since = self._now()
            elif event.state == LegState.DISCONNECTED:
                self._over(event.sip_call_id)
        elif isinstance(event, CallEnded):
            for key in [k for k, live in self._live.items() if live.call_id == event.call_id]:
                self._over(key)

    def overdrawn(self) -> dict[str, str]:
        """Calls that go on though a sum of minutes is used up, by call id, and why."""
        now = self._today()
        ends = {}
        for live in self._live.values():
            caller, trunk = live.payers
            if live.since is None:
                continue
            if self._used_up(caller, self._toll.caller_minutes, now):
                ends[live.call_id] = "the caller's outbound minutes of the day are used up"
            elif self._used_up(trunk, self._toll.trunk_minutes, now):
                ends[live.call_id] = "the trunk's outbound minutes of the day are used up"
        return ends

    @property
    def today(self) -> date:
        """The day whose sums these are."""
        return self._today().date()

    @property
    def live(self) -> int:
        """Calls by trunks that have not ended."""
        return len(self._live)

    def total(self, payer: str) -> Sum:
        """`caller ...` or `trunk ...`: today's sum, calls that go on included."""
        now = self._today()
        kept = self._kept(payer)
        running = (
            (now - live.since).total_seconds()
            for live in self._live.values()
            if live.since is not None and payer in live.payers
        )
        return Sum(kept.calls, kept.seconds + sum(running))

    def _too_much(self, caller: str, trunk: str, now: datetime) -> str | None:
        rules = self._toll
        if rules.concurrent is not None and len(self._live) >= rules.concurrent:
            return f"{rules.concurrent} outbound calls are under way"
        mine = sum(f"caller {caller}" in live.payers for live in self._live.values())
        if rules.caller_concurrent is not None and mine >= rules.caller_concurrent:
            return f"this caller has {rules.caller_concurrent} outbound calls under way"
        for payer, calls, minutes in (
            (f"caller {caller}", rules.caller_calls, rules.caller_minutes),
            (f"trunk {trunk}", rules.trunk_calls, rules.trunk_minutes),
        ):
            kind = payer.partition(" ")[0]
            if calls is not None and self._kept(payer).calls >= calls:
                return f"the {kind}'s {calls} outbound calls of the day are used up"
            if self._used_up(payer, minutes, now):
                return f"the {kind}'s {minutes} outbound minutes of the day are used up"
        return None

    def _used_up(self, payer: str, minutes: int | None, now: datetime) -> bool:
        return minutes is not None and self.total(payer).seconds >= 60 * minutes

    def _kept(self, payer: str) -> Sum:
        mine, theirs = self._sums.get(payer, Sum()), self._elsewhere.get(payer, Sum())
        return Sum(mine.calls + theirs.calls, mine.seconds + theirs.seconds)

    def _over(self, sip_call_id: str) -> None:
        live = self._live.pop(sip_call_id)
        if live.since is not None:
            seconds = (self._today() - live.since).total_seconds()
            for payer in live.payers:
                self._add(payer, seconds=seconds)

    def _add(self, payer: str, *, calls: int = 0, seconds: float = 0.0) -> None:
        total = self._sums.setdefault(payer, Sum())
        total.calls += calls
        total.seconds += seconds
        self.changed(self._day, payer, total)

    def _today(self) -> datetime:
        now = self._now()
        if now.date() != self._day:
            self._day = now.date()
            self._sums.clear()
            self._elsewhere = {}
        return now
