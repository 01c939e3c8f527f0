"""Sharing: where phones are, told to the other nodes and heard from them."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

import structlog

from sipagent.config import Settings
from sipagent.store.bindings import BindingBook, BindingsAway, Row, Value

from .bindings import Binding, Bindings, Changes, Contact, Origin
from .headers import parse_uri
from .listeners import Listeners, Peer
from .registration import Wish

_log = structlog.get_logger(__name__)
#: seconds: how often news are fetched, and how long a REGISTER and a call wait for the database
_FETCH, _PATIENCE = 2.0, 1.5
#: news of a moment may be written after it: transactions end when they end
_OVERLAP = 5.0
#: tries, each after another node's REGISTER for the same phone came between
_TRIES = 5
#: fetches between two cleanings
_CLEAN = 300


class Book(Protocol):
    """See `BindingBook`. Its methods raise BindingsAway."""

    async def read(self, extension: str) -> Row:
        """One phone."""
        ...

    async def changed(self, since: float) -> tuple[Sequence[Row], float]:
        """News, and the time now."""
        ...

    async def write(self, row: Row, held: Sequence[Value]) -> bool:
        """False where somebody was quicker."""
        ...

    async def forget(self) -> int:
        """Of those that are long gone."""
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...


def book_of(settings: Settings) -> Book | None:
    """Where the nodes of a cluster find phones; a server that is alone knows by itself."""
    return BindingBook(settings.store.database) if settings.cluster is not None else None


class Placed(NamedTuple):
    """A binding, and the node that took its REGISTER: only that one has its connection."""

    binding: Binding
    node: str


class Sharing:
    """`bindings` are what this node knows; the book is what all agree on. Expiry is by the clock of
    the database.

    Where that is away, a phone is granted the shortest time, by this node alone; it comes back
    soon, and calls ring what was known.
    """

    def __init__(self, book: Book, node: str, bindings: Bindings, listeners: Listeners) -> None:
        self._book = book
        self._node = node
        self._bindings = bindings
        self._listeners = listeners
        self._away = False

    async def change(self, wish: Wish, room: int) -> Changes:
        """Carry a REGISTER out for all nodes. Raises OutOfOrder, BindingsAway."""
        loop = asyncio.get_running_loop()
        for _ in range(_TRIES):
            row = await self._read(wish.extension)
            now = loop.time()
            placed = placed_of(row, now)
            scratch = Bindings(room)
            scratch.restore(wish.extension, [one.binding for one in placed])
            if wish.everything:
                changes = scratch.clear(wish.extension, wish.origin, now)
            else:
                changes = scratch.update(wish.extension, wish.contacts, wish.origin, now)
            where = dict(placed)
            after = [Placed(one, where.get(one, self._node)) for _, one in scratch]
            if after == placed or await self._write(row, after, now):
                self._know(wish.extension, after)
                return changes
        raise BindingsAway("other nodes register the same phone all the time")

    async def refresh(self, extension: str) -> None:
        """Before it rings: what other nodes were told. What was known must do where the database
        does not answer.
        """
        if self._away:
            return  # nor does every call wait for it
        with suppress(BindingsAway):
            self._heard(await self._read(extension))

    async def listen(self) -> None:
        """Fetch what other nodes were told, for ever."""
        since, rounds = 0.0, 0
        while True:
            try:
                rows, now = await self._book.changed(since)
                for row in rows:
                    self._heard(row)
                since = now - _OVERLAP
                if rounds % _CLEAN == 0:
                    await self._book.forget()
                rounds += 1
                self._is_away("")
            except BindingsAway as error:
                self._is_away(str(error))
            await asyncio.sleep(_FETCH)

    async def close(self) -> None:
        """Let go of the book."""
        await self._book.close()

    async def _read(self, extension: str) -> Row:
        """Raises BindingsAway."""
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._book.read(extension)
        except TimeoutError as error:
            raise BindingsAway(f"no answer within {_PATIENCE:g} seconds") from error

    async def _write(self, row: Row, placed: Sequence[Placed], now: float) -> bool:
        held = [{**as_value(one.binding, row.now - now), "node": one.node} for one in placed]
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._book.write(row, held)
        except TimeoutError as error:
            raise BindingsAway(f"no answer within {_PATIENCE:g} seconds") from error

    def _heard(self, row: Row) -> None:
        self._know(row.extension, placed_of(row, asyncio.get_running_loop().time()))

    def _know(self, extension: str, placed: Sequence[Placed]) -> None:
        self._bindings.restore(extension, [self._from_here(*one) for one in placed])

    def _from_here(self, binding: Binding, node: str) -> Binding:
        """By the front it is reached from every node. Another's connection is none of ours,
        whatever its number.
        """
        contact = binding.contact
        if node == self._node:
            return binding
        host, port = contact.peer[1:]
        by_udp = binding.origin.path or parse_uri(contact.uri).transport == "udp"
        ours = self._listeners.udp_towards(host, port) if by_udp else None
        moved = Contact(
            contact.uri, ours or Peer(-1, host, port), contact.seconds, contact.q, contact.outbound
        )
        return Binding(moved, binding.origin, binding.until)

    def _is_away(self, why: str) -> None:
        if bool(why) != self._away:
            self._away = bool(why)
            tell = _log.warning if why else _log.info
            tell("bindings_not_shared" if why else "bindings_shared", why=why)


def placed_of(row: Row, now: float) -> list[Placed]:
    """What a row holds that has not run out; `now` is loop time."""
    wall = row.now - now
    placed = (Placed(from_value(one, wall), str(one["node"])) for one in row.held)
    return [one for one in placed if one.binding.until > now]


def as_value(binding: Binding, wall: float) -> Value:
    """As it is written down; `wall` is what loop time is behind the clock it is written by."""
    contact, origin = binding.contact, binding.origin
    return {
        "uri": contact.uri.decode("latin-1"),
        "peer": list(contact.peer),
        "seconds": contact.seconds,
        "q": contact.q,
        "outbound": contact.outbound.decode("latin-1"),
        "call_id": origin.call_id.decode("latin-1"),
        "cseq": origin.cseq,
        "path": [path.decode("latin-1") for path in origin.path],
        "agent": origin.agent,
        "until": binding.until + wall,
    }


def from_value(value: Value, wall: float) -> Binding:
    """As it was written down."""
    contact = Contact(
        value["uri"].encode("latin-1"),
        Peer(*value["peer"]),
        value["seconds"],
        value["q"],
        value["outbound"].encode("latin-1"),
    )
    origin = Origin(
        value["call_id"].encode("latin-1"),
        value["cseq"],
        tuple(path.encode("latin-1") for path in value["path"]),
        value["agent"],
    )
    return Binding(contact, origin, value["until"] - wall)
