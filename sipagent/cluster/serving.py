"""Serving: what this node answers when others ask about its calls."""

import asyncio
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

from pydantic import BaseModel

from sipagent.api.calls import CallView, Done, LiveCalls, NoRoomNow, Numbered, Page, UnknownCall
from sipagent.api.packer import Packer
from sipagent.store.archive import pieces

from . import asks
from .bus import Bus

#: zips that are being fetched at a time, and how long one may lie there untouched, seconds
_ZIPS, _UNTOUCHED = 8, 60.0

S = TypeVar("S", bound=BaseModel)


class LocalCalls(LiveCalls, Protocol):
    """The calls of this server, and of no other."""

    def has(self, call_id: str) -> bool:
        """Does it live here?"""
        ...

    async def settle(self) -> None:
        """Put on record what is known of calls, as far as the database takes it."""
        ...

    async def page(
        self, call_id: str | None, after: int | None, seconds: float, most: int = 500
    ) -> Page:
        """Events after a number, of a call or of all; where there are none it waits so long.
        Raises UnknownCall.
        """
        ...


@dataclass(slots=True)
class _Doing:
    """A verb that another node waits for."""

    node: str
    task: "asyncio.Task[Done]"


class Doings:
    """Verbs others have asked for: stopped when they are revoked, and when the node is gone."""

    def __init__(self, calls: LocalCalls) -> None:
        self._calls = calls
        self._doing: dict[str, _Doing] = {}

    async def do(self, asked: asks.Do) -> Done:
        """Run it. Raises OutsideError."""
        task = asyncio.create_task(self._run(asked))
        self._doing[asked.id] = _Doing(asked.node, task)
        try:
            return await task
        except asyncio.CancelledError:
            if task.cancelled():
                return Done(ok=False, detail="not wanted any more", status=487)
            raise
        finally:
            task.cancel()
            del self._doing[asked.id]

    def revoke(self, told: asks.Revoke) -> None:
        """Nobody waits for it."""
        doing = self._doing.get(told.id)
        if doing is not None:
            doing.task.cancel()

    def gone(self, node: str) -> None:
        """A node is gone, and who waited there with it."""
        for doing in list(self._doing.values()):
            if doing.node == node:
                doing.task.cancel()

    async def _run(self, asked: asks.Do) -> Done:
        who = asked.who.principal
        return Done.of(await self._calls.do(asked.call_id, asked.verb, asked.arguments, who))


@dataclass(slots=True)
class _Zip:
    """A zip that is being fetched; its pieces are made as they are wanted."""

    chunks: Iterator[bytes]
    touched: float
    turn: asyncio.Lock


class Zips:
    """Zips others fetch, a few at a time: nothing of them is kept on disk."""

    def __init__(self, packer: Packer) -> None:
        self._packer = packer
        self._open: dict[str, _Zip] = {}

    async def pack(self, asked: asks.Pack) -> asks.Ticket:
        """Begin. Raises UnknownCall, NotOver, NoRoomNow."""
        now = time.monotonic()
        self._open = {k: z for k, z in self._open.items() if now - z.touched < _UNTOUCHED}
        if len(self._open) >= _ZIPS:
            raise NoRoomNow(f"{_ZIPS} bundles are being fetched from this node")
        without = pieces(",".join(asked.without))
        chunks = await self._packer.pack(asked.call_id, without, redact=asked.redact)
        ticket = secrets.token_hex(16)
        self._open[ticket] = _Zip(chunks, now, asyncio.Lock())
        return asks.Ticket(id=ticket)

    async def piece(self, asked: asks.Ticket) -> bytes:
        """The next; empty at the end. Raises UnknownCall for one that lay too long."""
        found = self._open.get(asked.id)
        if found is None:
            raise UnknownCall(f"bundle {asked.id}")
        found.touched = time.monotonic()
        async with found.turn:
            data = await asyncio.to_thread(_some, found.chunks)
        if not data:
            self._open.pop(asked.id, None)
        return data


class Serving:
    """All of it, by the bus."""

    def __init__(self, node: str, bus: Bus, calls: LocalCalls, packer: Packer) -> None:
        self.doings = Doings(calls)
        self._calls = calls
        zips = Zips(packer)
        for ask, kind, answer in (
            ("has", asks.OfCall, self._has),
            ("settle", asks.Settle, self._settle),
            ("list", asks.ListFrom, self._list),
            ("get", asks.OfCall, self._get),
            ("do", asks.Do, self.doings.do),
            ("originate", asks.Originate, self._originate),
            ("events", asks.PageOf, self._events),
            ("transcript", asks.LinesFrom, self._transcript),
            ("recording", asks.RecordingOf, self._recording),
            ("piece", asks.PieceOf, self._piece),
            ("pack", asks.Pack, zips.pack),
            ("zip", asks.Ticket, zips.piece),
        ):
            bus.serve(asks.subject(node, ask), kind, answer)  # type: ignore[arg-type]
        bus.subscribe(asks.subject(node, "revoke"), asks.Revoke, self.doings.revoke)

    async def _has(self, asked: asks.OfCall) -> asks.Has:
        return asks.Has(has=self._calls.has(asked.call_id))

    async def _settle(self, asked: asks.Settle) -> asks.Settle:
        await self._calls.settle()
        return asked

    async def _list(self, asked: asks.ListFrom) -> asks.Listed:
        calls = (await self._calls.list()).calls[asked.start :]
        fit = _fitting(calls)
        return asks.Listed(calls=fit, more=len(fit) < len(calls))

    async def _get(self, asked: asks.OfCall) -> CallView:
        return await self._calls.get(asked.call_id)

    async def _originate(self, asked: asks.Originate) -> CallView:
        return await self._calls.originate(asked.wish, asked.who.principal)

    async def _events(self, asked: asks.PageOf) -> asks.EventPage:
        found = await self._calls.page(asked.call_id, asked.after, asked.seconds, asked.most)
        items = [_item(numbered) for numbered in found.items]
        fit = _fitting(items)
        if len(fit) == len(items):
            return asks.EventPage(items=fit, upto=found.upto, over=found.over)
        return asks.EventPage(items=fit, upto=fit[-1].seq)

    async def _transcript(self, asked: asks.LinesFrom) -> asks.Lines:
        lines = (await self._calls.transcript(asked.call_id))[asked.start :]
        fit = _fitting(lines)
        return asks.Lines(lines=fit, more=len(fit) < len(lines))

    async def _recording(self, asked: asks.RecordingOf) -> asks.Recording:
        file = await self._calls.recording(asked.call_id, asked.name)
        if file is None:
            return asks.Recording()
        return asks.Recording(name=file.path.name, size=file.size, modified=file.modified)

    async def _piece(self, asked: asks.PieceOf) -> bytes:
        file = await self._calls.recording(asked.call_id, asked.name)
        if file is None:
            raise UnknownCall(asked.call_id)

        def read() -> bytes:
            with file.open() as opened:
                opened.seek(asked.offset)
                return opened.read(asked.length)

        return await asyncio.to_thread(read)


def _item(numbered: Numbered) -> asks.Item:
    """One that is bigger than an answer may be is a gap: it is had from the record."""
    event = numbered.event
    if event is None:
        return asks.Item(seq=numbered.seq)
    item = asks.Item(seq=numbered.seq, event=event.model_dump(mode="json"))
    return item if _size(item) < asks.ROOM else asks.Item(seq=numbered.seq)


def _fitting(found: Sequence[S]) -> tuple[S, ...]:
    """As many of them as go into one answer; one at least."""
    room, count = asks.ROOM, 0
    for one in found:
        room -= _size(one)
        if room < 0 and count:
            break
        count += 1
    return tuple(islice(found, count))


def _size(one: BaseModel) -> int:
    return len(one.model_dump_json())


def _some(chunks: Iterator[bytes]) -> bytes:
    """So many of them as make a piece."""
    found, size = [], 0
    for chunk in chunks:
        found.append(chunk)
        size += len(chunk)
        if size >= asks.PIECE:
            break
    return b"".join(found)
