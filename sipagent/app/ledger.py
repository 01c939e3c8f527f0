"""Ledger: the events of live calls; when a call is over, its bundle."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Container, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import structlog

from sipagent.call.cdr import Cdr
from sipagent.edge.desk import Rung
from sipagent.errors import SipAgentError
from sipagent.events import (
    CallEnded,
    CallStarted,
    Event,
    Interim,
    LegChanged,
    SipMessage,
)
from sipagent.log import event_fields
from sipagent.store.ahead import read_events
from sipagent.store.bundle import write_bundle
from sipagent.store.journal import Journal
from sipagent.store.records import Store
from sipagent.store.vault import PLAIN, Files
from sipagent.tasks import Background

log = structlog.get_logger(__name__)

#: rungs of SIP dialogs no call has claimed yet: an outbound leg's first ones precede its event
_EARLY_RUNGS = 200
#: events kept of one call; a call that goes on for ever must not fill the memory
_EVENTS_PER_CALL = 20_000
#: calls in the journal whose record is not whole yet
_KIND = "call"


class Record(Protocol):
    """What is known of a call that runs; to look at."""

    @property
    def bundle(self) -> Path:
        """Its folder."""
        ...

    @property
    def events(self) -> Sequence[Event]:
        """All so far; it grows, and an event keeps its place."""
        ...

    @property
    def over(self) -> bool:
        """True once it has ended."""
        ...


@dataclass(slots=True)
class _Open:
    """A call that runs."""

    call_id: str
    bundle: Path
    events: list[Event] = field(default_factory=list)
    sip_call_ids: set[str] = field(default_factory=set)
    dropped: int = 0
    over: bool = False
    #: empty where it is not traced
    trace_id: str = ""
    #: what was on record before this process, as text: a worker may say some of it again
    known: frozenset[str] = frozenset()


class Ledger:
    """Takes every event once; hands it to log, store and bundle. Nothing here waits on a disk."""

    def __init__(
        self,
        store: Store,
        *,
        personal: bool,
        journal: Journal | None = None,
        files: Files = PLAIN,
    ) -> None:
        self._store = store
        #: how the files of bundles are written and read
        self.files = files
        self._journal = journal or Journal()
        self._last_alive: datetime | None = None
        self.personal = personal
        self._open: dict[str, _Open] = {}
        self._by_dialog: dict[str, _Open] = {}
        self._early: OrderedDict[str, deque[tuple[datetime, Rung]]] = OrderedDict()
        self._writing = Background()
        #: one: several would take the interpreter from the SIP sockets in turns
        self._scribe = ThreadPoolExecutor(1, "bundles")
        self.listeners: list[Callable[[Event], None]] = []
        #: called with the record of each call whose bundle is whole on disk
        self.on_record: Callable[[Cdr], None] = lambda record: None
        #: called in a thread with record and folder of each bundle that is whole, at least once
        self.whole: list[Callable[[Cdr, Path], None]] = []
        #: called with the folder of each bundle that is whole on disk
        self.on_bundle: Callable[[str, Path], None] = lambda call_id, folder: None

    @property
    def live(self) -> int:
        """Calls that have not ended."""
        return len(self._open)

    def calls(self) -> Iterator[str]:
        """Ids of the calls that have not ended."""
        return (call_id for call_id, entry in list(self._open.items()) if not entry.over)

    def record(self, call_id: str) -> "Record | None":
        """A call that has not ended, or has just; None for one whose events are in the store."""
        return self._open.get(call_id)

    def plan_of(self, call_id: str) -> str | None:
        """The plan of a call that has not ended, or has just."""
        entry = self._open.get(call_id)
        started = (e.plan for e in entry.events if isinstance(e, CallStarted)) if entry else ()
        return next(iter(started), None)

    def open(self, call_id: str, sip_call_id: str, bundle: Path) -> None:
        """A call was given to a worker."""
        entry = _Open(call_id, bundle)
        self._open[call_id] = entry
        self._journal.put(_KIND, call_id, {"bundle": str(bundle), "sip_call_id": sip_call_id})
        self._claim(entry, sip_call_id)

    async def restore(self, last_alive: datetime | None) -> None:
        """Open the calls of the process before us again, which lived at `last_alive`."""
        self._last_alive = last_alive
        for call_id, fact in self._journal.all(_KIND).items():
            try:
                events = await self._store.events(call_id)
            except SipAgentError as error:
                log.error("call_not_restored", call_id=call_id, cause=str(error))
                continue
            entry = _Open(call_id, Path(fact.value["bundle"]), events)
            entry.known = frozenset(event.model_dump_json() for event in events)
            entry.over = any(isinstance(event, CallEnded) for event in events)
            traced = (e.trace_id for e in events if isinstance(e, CallStarted))
            entry.trace_id = next(traced, "")
            self._open[call_id] = entry
            self._claim(entry, fact.value["sip_call_id"])
            for event in events:
                if isinstance(event, CallStarted | LegChanged):
                    self._claim(entry, event.sip_call_id)
            if entry.over:  # all but the bundle
                self._finish(entry)

    def close_lost(self, held: Container[str]) -> None:
        """End the calls of the process before us that no worker of `held` has."""
        for entry in tuple(self._open.values()):
            if entry.call_id not in held and not entry.over:
                self.gone(entry.call_id, "lost: the server ended", crashed=bool(entry.events))

    def last_words(self, path: Path) -> None:
        """What a worker left for us when nobody heard it."""
        if not path.exists():
            return
        for event in read_events(path):
            entry = self._open.get(event.call_id)
            if entry is not None and not entry.known:
                entry.known = frozenset(known.model_dump_json() for known in entry.events)
            self.happened(event)
        path.unlink()

    def happened(self, event: Event) -> None:
        """An event of a live call."""
        if isinstance(event, Interim):
            self._tell(event)
            return
        entry = self._open.get(event.call_id)
        if entry is not None and entry.known and event.model_dump_json() in entry.known:
            return
        if entry is None or entry.over:
            log.warning("event_of_no_call", call_id=event.call_id, type=event.type)
            return
        self._keep(entry, event)
        if isinstance(event, CallStarted | LegChanged):
            self._claim(entry, event.sip_call_id)
        if isinstance(event, CallEnded):
            entry.over = True
            # The last rungs (BYE and its 200) pass the edge in these moments.
            asyncio.get_running_loop().call_later(0.3, self._finish, entry)

    def noted(self, event: Event) -> None:
        """Something that belongs to no call: for the log and whoever listens."""
        self._say(event)

    def saw(self, rung: Rung) -> None:
        """A SIP message passed the edge."""
        entry = self._by_dialog.get(rung.sip_call_id)
        now = datetime.now(UTC)
        if entry is not None:
            self._rung(entry, rung, now)
            return
        early = self._early.setdefault(rung.sip_call_id, deque(maxlen=20))
        early.append((now, rung))
        while len(self._early) > _EARLY_RUNGS:
            self._early.popitem(last=False)

    def gone(self, call_id: str, why: str, *, crashed: bool) -> None:
        """The worker is gone; if the call had not ended, it has now. One that never began, its
        INVITE refused or cancelled on the way to the worker, leaves no record.
        """
        entry = self._open.get(call_id)
        if entry is None or entry.over:
            return
        if not crashed and not any(isinstance(e, CallStarted) for e in entry.events):
            log.info("call_never_began", call_id=call_id)
            self.discard(call_id)
        else:
            at = datetime.now(UTC)
            if why.startswith("lost") and self._last_alive is not None:
                # nobody saw when it ended: not before anything that is known of it
                at = max([self._last_alive, *(event.at for event in entry.events)])
            self.happened(
                CallEnded(
                    call_id=call_id,
                    at=at,
                    t=_on_media_clock(entry, at),
                    status=500,
                    reason=why,
                    by="system",
                )
            )

    def discard(self, call_id: str) -> None:
        """The call was refused after all: it leaves no record but the log's."""
        entry = self._open.pop(call_id, None)
        self._journal.drop(_KIND, call_id)
        for sip_call_id in entry.sip_call_ids if entry else ():
            self._by_dialog.pop(sip_call_id, None)

    async def close(self) -> None:
        """Finish the bundles of calls that are over."""
        for entry in list(self._open.values()):
            if entry.over:
                self._finish(entry)
        await self._writing.done(timeout=10)
        self._scribe.shutdown(wait=False)

    def _keep(self, entry: _Open, event: Event) -> None:
        kept = len(entry.events) < _EVENTS_PER_CALL or isinstance(event, CallEnded)
        if kept:
            entry.events.append(event)
        else:
            entry.dropped += 1
        if isinstance(event, CallStarted):
            entry.trace_id = event.trace_id
        # First whoever keeps it elsewhere: once it is in the store, no worker tells it again.
        self._say(event, entry.trace_id)
        if kept:
            self._store.append(event)

    def _say(self, event: Event, trace_id: str = "") -> None:
        if not isinstance(event, SipMessage):
            fields = event_fields(event, personal=self.personal)
            del fields["at"]  # the line has a timestamp
            if trace_id:
                fields["trace_id"] = trace_id
            log.info(fields.pop("type"), **fields)
        self._tell(event)

    def _tell(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)

    def _claim(self, entry: _Open, sip_call_id: str) -> None:
        if not sip_call_id or sip_call_id in entry.sip_call_ids:
            return
        entry.sip_call_ids.add(sip_call_id)
        self._by_dialog[sip_call_id] = entry
        for at, rung in self._early.pop(sip_call_id, ()):
            self._rung(entry, rung, at)

    def _rung(self, entry: _Open, rung: Rung, at: datetime) -> None:
        self._keep(
            entry,
            SipMessage(
                call_id=entry.call_id,
                at=at,
                t=_on_media_clock(entry, at),
                source=rung.source,
                destination=rung.destination,
                start_line=rung.start_line,
                cseq=rung.cseq,
                sip_call_id=rung.sip_call_id,
            ),
        )

    def _finish(self, entry: _Open) -> None:
        if self._open.pop(entry.call_id, None) is None:
            return
        for sip_call_id in entry.sip_call_ids:
            self._by_dialog.pop(sip_call_id, None)
        self._writing.start(self._write(entry))

    async def _write(self, entry: _Open) -> None:
        if entry.dropped:
            log.warning("events_dropped", call_id=entry.call_id, count=entry.dropped)
        try:
            loop = asyncio.get_running_loop()
            bundle = await loop.run_in_executor(
                self._scribe, write_bundle, entry.bundle, entry.events, None, self.files
            )
        except (OSError, ValueError) as error:
            log.error("bundle_failed", call_id=entry.call_id, cause=str(error))
            self._journal.drop(_KIND, entry.call_id)
            return
        self.on_record(bundle.cdr)
        # before the journal forgets it: whoever is killed here tells them again
        for tell in self.whole:
            await loop.run_in_executor(self._scribe, tell, bundle.cdr, entry.bundle)
        self._journal.drop(_KIND, entry.call_id)
        self.on_bundle(entry.call_id, entry.bundle)


def _on_media_clock(entry: _Open, at: datetime) -> int:
    """A moment on the call's media clock, as far as the gateway can tell."""
    start = next((e for e in entry.events if isinstance(e, CallStarted)), None)
    if start is None:
        return 0
    return start.t + int((at - start.at).total_seconds() * 1000)
