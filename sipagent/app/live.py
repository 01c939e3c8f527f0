"""Live calls: behind the doors of `api`, the ledger's events and the workers' hands."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sipagent.api.calls import (
    CallOver,
    Calls,
    CallView,
    Line,
    NotUnderstood,
    Numbered,
    Origination,
    Page,
    Principal,
    UnknownCall,
    Unreadable,
)
from sipagent.call.verb import Outcome
from sipagent.events import CallEnded, Event
from sipagent.store.records import Store
from sipagent.store.vault import Stored, VaultError
from sipagent.verbs.outside import OUTSIDE
from sipagent.worker.handle import WorkerHandle, WorkerState
from sipagent.worker.protocol import Command, Commanded, HangUp, Revoke

from .feed import Feed
from .ledger import Ledger
from .originating import Originator
from .views import Folded, lines

#: in which a worker can be told something
_HEARS = frozenset({WorkerState.ASSIGNED, WorkerState.CLAIMED})
#: views kept of calls, some of which may be over
_VIEWS = 5_000
#: events given out at a time
_AT_ONCE = 500
#: a stream looks at least so often whether its call still is, seconds
_LOOK = 30.0
#: a worker may take so long to send an INVITE before the answer goes without, seconds
_BEGINS = 5.0


@dataclass(frozen=True, slots=True)
class _Asked:
    """A command on its way: to which worker, and who waits for it."""

    token: str
    answer: "asyncio.Future[Outcome]"


class Live:
    """`LiveCalls` of this server. `workers` gives those that exist."""

    def __init__(
        self,
        ledger: Ledger,
        store: Store,
        bundles: Callable[[], Path],
        workers: Callable[[], Sequence[WorkerHandle]],
        originator: Originator,
    ) -> None:
        self.feed = Feed()
        self.ledger = ledger
        self.store = store
        self._bundles = bundles
        self._workers = workers
        self._originator = originator
        self._asked: dict[str, _Asked] = {}
        self._folded: dict[str, Folded] = {}
        ledger.listeners.append(self.feed.happened)

    def has(self, call_id: str) -> bool:
        """Does it live here, or has just ended?"""
        return self.ledger.record(call_id) is not None

    async def settle(self) -> None:
        """Put on record what is known of calls, as far as the database takes it."""
        await self.store.flush()

    async def list(self) -> Calls:
        """See `LiveCalls`."""
        live = {call_id: self._view(call_id) for call_id in self.ledger.calls()}
        self._folded = {call_id: f for call_id, f in self._folded.items() if call_id in live}
        begun = [view for view in live.values() if view is not None and view.started is not None]
        begun.sort(key=lambda view: (view.started, view.call_id))
        return Calls(calls=tuple(begun))

    async def get(self, call_id: str) -> CallView:
        """See `LiveCalls`."""
        view = self._view(call_id)
        if view is not None and view.started is not None:
            return view
        return Folded(call_id).catch_up(await self._stored(call_id))

    def hang_up(self, call_id: str, why: str) -> None:
        """End a call, if it lives."""
        if (worker := self._worker(call_id)) is not None:
            worker.send(HangUp(reason=why))

    def forget(self, call_ids: Container[str]) -> None:
        """Have no view of these any more, and no events for streams that come back."""
        self._folded = {i: view for i, view in self._folded.items() if i not in call_ids}
        self.feed.forget(lambda event: event.call_id in call_ids)

    async def known(self, call_id: str) -> Sequence[Event]:
        """All that happened in a call so far, live or over; of a live one it grows. Raises
        UnknownCall.
        """
        record = self.ledger.record(call_id)
        if record is not None and record.events:
            return record.events
        return await self._stored(call_id)

    def folder(self, call_id: str) -> Path:
        """Where the bundle of a known call is, or will be."""
        record = self.ledger.record(call_id)
        return record.bundle if record is not None else self._bundles() / call_id

    async def do(
        self, call_id: str, verb: str, arguments: Mapping[str, Any], who: Principal
    ) -> Outcome:
        """See `LiveCalls`."""
        checked(verb, arguments)
        worker = self._worker(call_id)
        view = self._view(call_id)
        # A worker outlives its call by a moment, and would refuse in words of its own.
        if worker is None or (view is not None and view.state == "ended"):
            view = await self.get(call_id)
            raise CallOver(f"the call {'is over' if view.state == 'ended' else 'is out of reach'}")
        command_id = secrets.token_hex(8)
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._asked[command_id] = _Asked(worker.token, answer)
        command = Command(
            id=command_id,
            by=who.by,
            origin=who.origin,
            verb=verb,
            arguments=arguments,
            allowed=who.verbs,
        )
        try:
            worker.send(command)
            return await answer
        except asyncio.CancelledError:
            worker.send(Revoke(id=command_id))
            raise
        finally:
            del self._asked[command_id]

    async def originate(self, wish: Origination, who: Principal) -> CallView:
        """See `LiveCalls`."""
        call_id = await self._originator.call(wish, who)
        with suppress(TimeoutError):
            async with asyncio.timeout(_BEGINS):
                while (view := self._view(call_id)) is not None and view.started is None:
                    await self.feed.news(call_id)
        return view or await self.get(call_id)

    async def events(
        self, call_id: str | None = None, after: int | None = None
    ) -> AsyncIterator[Numbered]:
        """See `LiveCalls`."""
        if call_id is None:
            async for item in self.feed.after(after):
                yield item
            return
        while True:
            page = await self.page(call_id, after, _LOOK)
            for item in page.items:
                yield item
            if page.over:
                return
            after = page.upto

    async def page(
        self, call_id: str | None, after: int | None, seconds: float, most: int = _AT_ONCE
    ) -> Page:
        """Events after a number, of a call or of all; where there are none it waits so long.
        Raises UnknownCall.
        """
        if call_id is None:
            return await self.feed.page(after, seconds, most)
        record = self.ledger.record(call_id)
        known = record.events if record is not None else await self._stored(call_id)
        position = len(known) if after is None else max(0, min(after, len(known)))
        if record is not None and position == len(known) and not record.over and seconds > 0:
            # one that never began, and is off the record, has no last event
            with suppress(TimeoutError):
                await asyncio.wait_for(self.feed.news(call_id), seconds)
        items = []
        for number, event in enumerate(islice(known, position, position + most), position + 1):
            items.append(Numbered(number, event))
            if isinstance(event, CallEnded) and record is not None:
                return Page(items, number, over=True)
        over = record is None or record.over or self.ledger.record(call_id) is not record
        upto = position + len(items)
        return Page(items, upto, over=over and upto >= len(known))

    async def transcript(self, call_id: str) -> Sequence[Line]:
        """See `LiveCalls`."""
        return lines(await self.known(call_id))

    async def recording(self, call_id: str, name: str | None = None) -> Stored | None:
        """See `LiveCalls`."""
        view = await self.get(call_id)
        wanted = name or (view.recordings[-1] if view.recordings else None)
        if wanted not in view.recordings:
            return None
        try:
            path = self.folder(call_id) / str(wanted)
            return await asyncio.to_thread(self.ledger.files.stored, path)
        except OSError:
            return None
        except VaultError as error:
            raise Unreadable(str(error)) from error

    # Word from workers.

    def commanded(self, message: Commanded) -> None:
        """A command came out; nobody waits for one of a gateway before us."""
        asked = self._asked.get(message.id)
        if asked is not None and not asked.answer.done():
            outcome = Outcome(message.ok, message.detail, message.status, message.data)
            asked.answer.set_result(outcome)

    def gone(self, token: str) -> None:
        """A worker is gone: it answers nobody any more."""
        for asked in self._asked.values():
            if asked.token == token and not asked.answer.done():
                asked.answer.set_exception(CallOver("the call ended meanwhile"))

    def close(self) -> None:
        """The server goes: whoever waits is told."""
        for asked in self._asked.values():
            if not asked.answer.done():
                asked.answer.set_exception(CallOver("the server is going down; the call may go on"))

    def _worker(self, call_id: str) -> WorkerHandle | None:
        for worker in self._workers():
            call = worker.assignment
            if call is not None and call.call_id == call_id and worker.state in _HEARS:
                return worker
        return None

    def _view(self, call_id: str) -> CallView | None:
        record = self.ledger.record(call_id)
        if record is None:
            return None
        if len(self._folded) > _VIEWS:
            self._folded.clear()
        return self._folded.setdefault(call_id, Folded(call_id)).catch_up(record.events)

    async def _stored(self, call_id: str) -> Sequence[Event]:
        """Raises UnknownCall."""
        await self.store.flush()
        events = await self.store.events(call_id)
        if not events:
            raise UnknownCall(call_id)
        return events


def checked(verb: str, arguments: Mapping[str, Any]) -> None:
    """Could the verb be run with these? Raises NotUnderstood."""
    kind = OUTSIDE.get(verb)
    if kind is None:
        raise NotUnderstood(f"there is no verb {verb!r} for live calls")
    try:
        kind.model_validate(dict(arguments))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise NotUnderstood(first["msg"].removeprefix("Value error, "), key) from error
