"""Keeping: how long records stay, erasing one caller, and the audit chain, of one server."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from sipagent import __version__
from sipagent.api.calls import Principal
from sipagent.api.keeping import (
    Certificate,
    DueView,
    ErasureWish,
    HoldView,
    HoldWish,
    NotOnRecord,
    PrunedView,
    RetentionView,
    RuleView,
)
from sipagent.app.callers import caller_key, memory_book
from sipagent.call.numbers import NumberPlan
from sipagent.cluster.leases import Lease
from sipagent.config import Keep, KeepRule, Settings
from sipagent.config.retention import KINDS
from sipagent.errors import SipAgentError
from sipagent.events import CallerErased, CallStarted, LegChanged, RecordsPruned
from sipagent.store.journal import Journal
from sipagent.store.orders import OrderBook
from sipagent.store.removal import Hold, Removal
from sipagent.store.segments import segments
from sipagent.store.tolls import TollBook
from sipagent.store.traces import Traces
from sipagent.store.upload.away import files_of
from sipagent.tasks import lasting, stopped

from .chronicle import Chronicle, chain_file
from .erasing import Erasing, Ground
from .everywhere import Everywhere, Peers
from .places import AuditLines, Bundles, JournalLines, Lines, SpeechFiles
from .pruning import Kept, Pruning, told
from .rows import MemoryRows, RecordRows, TollRows

log = structlog.get_logger(__name__)
#: the first look comes so long after the start, seconds
_FIRST = 60.0
_AHEAD = (timedelta(0), timedelta(days=1), timedelta(days=7), timedelta(days=30))
Parties = Collection[str]


@dataclass(frozen=True, slots=True)
class Around:
    """What of the server that runs is asked; the defaults are for when none does. `busy` are calls
    that live or are being written, and who is in them; `forget_tolls` knows sums in memory;
    `places` are those of this process; `upgrade` as `Database` has it;
    `lease` is for one node of a cluster.
    """

    secret: Callable[[], bytes]
    journal: Journal
    lease: Callable[[], Lease] | None = None
    upgrade: bool = False
    busy: Callable[[], Sequence[tuple[str, Parties]]] = tuple
    flush: Callable[[], Awaitable[None]] | None = None
    forget_tolls: Callable[[Callable[[str], bool]], Awaitable[int]] | None = None
    places: tuple[Traces, ...] = ()
    tell: Callable[[RecordsPruned | CallerErased], None] = lambda event: None
    peers: Peers | None = None


class Keeping:
    """`Keeper` of this server."""

    def __init__(self, settings: Callable[[], Settings], around: Around) -> None:
        """Raises ConfigError where a key of the audit chain is missing."""
        known = settings()
        folder, state = known.store.bundles, known.state_folder
        self._settings = settings
        self._around = around
        self._removal = Removal(known.store.database, upgrade=around.upgrade)
        self._tolls = TollBook(known.store.database)
        files = files_of(known)
        self.chronicle = Chronicle(chain_file(known), files)
        speech = known.speech_cache.folder or state / "speech"
        kept = Kept(folder, speech, files, self._removal, self._tolls)
        self.pruning = Pruning(lambda: settings().retention, kept, self.chronicle, self._busy)
        places: tuple[Traces, ...] = (
            JournalLines(state / "journal.jsonl", around.journal),
            *around.places,
            Lines("events spool", lambda: _spool(folder, state)),
            AuditLines(folder / "audit.jsonl"),
            SpeechFiles(speech),
            MemoryRows(lambda: memory_book(known, around.secret(), upgrade=around.upgrade)),
            TollRows(self._tolls, around.forget_tolls),
            Bundles(folder),
            RecordRows(self._removal),
        )
        ground = Ground(
            self._removal,
            folder,
            files,
            lambda: caller_key(known, around.secret()),
            self._plans,
            around.busy,
            lambda: _spool(folder, state),
            around.flush or _nothing,
        )
        self.erasing = Erasing(ground, places, self.chronicle, around.tell)
        self.everywhere: Everywhere | None = None
        if around.peers is not None:
            book = OrderBook(known.store.database, upgrade=around.upgrade)
            self.everywhere = Everywhere(self.erasing, book, around.peers)
        self._last: PrunedView | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look at the rules, and to write the chain."""
        self.chronicle.start()
        self.chronicle.put("began", version=__version__)
        if self._around.lease is not None:
            lease = self._around.lease()
            self.pruning.leads = lambda: lease.held
        if self.everywhere is not None:
            self.everywhere.start()
        self._task = lasting(self._look_for_ever(), "retention")

    async def close(self) -> None:
        """Stop between two calls, and write what is left. Idempotent."""
        if self._task is not None:
            await stopped(self._task)
            self._task = None
        if self.everywhere is not None:
            await self.everywhere.close()
        await self.chronicle.close()
        await self._tolls.close()
        await self._removal.close()

    async def prune(self, *, dry_run: bool = False) -> PrunedView:
        """Look now."""
        view = await self.pruning.run(dry_run=dry_run)
        if not dry_run:
            self._last = view
            for event in told(view):
                self._around.tell(event)
            if view.counts:
                self.chronicle.put("retention", counts=dict(view.counts))
        return view

    async def retention(self) -> RetentionView:
        """See `Keeper`."""
        rules, now = self._settings().retention, datetime.now(UTC)
        due = []
        for ahead in _AHEAD:
            calls = (await self.pruning.due(now + ahead)).items()
            due.append(DueView(at=now + ahead, calls={str(kind): n for kind, n in calls}))
        views = [_rule(rule) for rule in rules.all_rules]
        return RetentionView(
            rules=tuple(view for view in (*views, _rule(rules)) if view.keep),
            every=rules.every,
            due=tuple(due),
            holds=tuple(await self.holds()),
            last=self._last,
        )

    async def erase(self, wish: ErasureWish, who: Principal) -> Certificate:
        """See `Keeper`."""
        eraser = self.everywhere or self.erasing
        return await asyncio.shield(asyncio.ensure_future(eraser.erase(wish, who)))

    async def hold(self, call_id: str, wish: HoldWish, who: Principal) -> HoldView:
        """See `Keeper`."""
        if not await self._removal.hold(call_id, who.by, wish.why):
            raise NotOnRecord(f"there is no call {call_id!r} on record")
        self.chronicle.put("hold", call_id=call_id, by=who.by)
        return next(_held(h) for h in await self._removal.holds() if h.call_id == call_id)

    async def release(self, call_id: str) -> None:
        """See `Keeper`."""
        if not await self._removal.release(call_id):
            raise NotOnRecord(f"no call {call_id!r} is on hold")
        self.chronicle.put("release", call_id=call_id)

    async def holds(self) -> Sequence[HoldView]:
        """See `Keeper`."""
        return [_held(hold) for hold in await self._removal.holds()]

    def _plans(self) -> Sequence[NumberPlan]:
        return [t.numbers for t in self._settings().trunks.values() if t.numbers is not None]

    def _busy(self) -> Collection[str]:
        return {call_id for call_id, _ in self._around.busy()}

    async def _look_for_ever(self) -> None:
        await asyncio.sleep(min(_FIRST, self._settings().retention.every))
        while True:
            try:
                if _says_something(self._settings()):
                    await self.prune()
            except SipAgentError as error:
                log.warning("not_pruned", cause=str(error))
            await asyncio.sleep(self._settings().retention.every)


def busy_in(journal: Journal) -> Sequence[tuple[str, Parties]]:
    """Calls in a state whose record is not whole yet; who is in them is not known."""
    return [(call_id, ()) for call_id in journal.all("call")]


def parties_of(events: Sequence[object]) -> Parties:
    """Who is in a call that lives."""
    found: set[str] = set()
    for event in events:
        if isinstance(event, CallStarted):
            found |= {event.caller, event.callee}
        elif isinstance(event, LegChanged):
            found.add(event.remote)
    return found


def _spool(folder: Path, state: Path) -> list[Path]:
    """Files of events the database may not have."""
    spool = folder / "events.jsonl"
    ahead = [path for _, path in segments(spool, "ahead")]
    return [spool, *ahead, *(state / "last-words").glob("*.jsonl")]


def _rule(rule: Keep) -> RuleView:
    words = []
    if isinstance(rule, KeepRule):
        words += [f"plan {rule.plan}"] if rule.plan else []
        words += [word for word in (rule.direction, rule.outcome) if word]
        words += [f"status {rule.status}"] if rule.status else []
    names = (*KINDS, "tolls", "speech", "audit")
    keep = {name: str(value) for name in names if (value := getattr(rule, name, None))}
    return RuleView(which=", ".join(words) or "all", keep=keep)


def _says_something(settings: Settings) -> bool:
    rules = settings.retention
    return any(_rule(rule).keep for rule in (*rules.all_rules, rules))


def _held(hold: Hold) -> HoldView:
    return HoldView(call_id=hold.call_id, at=hold.at, by=hold.by, why=hold.why)


async def _nothing() -> None:
    pass
