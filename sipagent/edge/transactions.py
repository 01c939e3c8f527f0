"""INVITEs under way: from the world to a worker, and from a worker to the world."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Generic, TypeVar

from .listeners import Peer
from .message import Message
from .timers import Timers, invite_retransmissions, retransmissions


class State(Enum):
    """RFC 3261 section 17, server and client INVITE transactions, with RFC 6026's Accepted."""

    TRYING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    ACCEPTED = auto()


NEXT: dict[State, frozenset[State]] = {
    State.TRYING: frozenset({State.PROCEEDING, State.COMPLETED, State.ACCEPTED}),
    State.PROCEEDING: frozenset({State.COMPLETED, State.ACCEPTED}),
    State.COMPLETED: frozenset({State.CONFIRMED}),
    State.CONFIRMED: frozenset(),
    State.ACCEPTED: frozenset(),
}
OPEN = frozenset({State.TRYING, State.PROCEEDING})


@dataclass(slots=True, kw_only=True)
class Transaction:
    """What both directions share. `until` is loop time; None while the outcome is open. `trunk`
    is the one whose line the call is on.
    """

    branch: bytes
    request: Message
    token: str | None = None
    state: State = State.TRYING
    until: float | None = None
    trunk: str | None = None

    def move(self, state: State) -> bool:
        """Go there when the table allows it."""
        if state not in NEXT[self.state]:
            return False
        self.state = state
        return True


@dataclass(slots=True, kw_only=True)
class Incoming(Transaction):
    """An INVITE from the world. TRYING: the desk is asked; PROCEEDING: a worker has it.

    `request` is as it came (Via completed), `reply_to` where responses go, `final` the last
    failure sent, `own` says that it was ours and not the worker's. `sticky` is where requests
    to the caller must go, whatever its Contact says.
    """

    reply_to: Peer
    sticky: Peer | None = None
    final: bytes = b""
    own: bool = False


@dataclass(slots=True, kw_only=True)
class Outgoing(Transaction):
    """An INVITE from a worker. `request` is as sent, without body; `peer` where it was sent.

    `wire` is its branch there, when it is not the first place it was sent. `orphan`: the worker
    died, or was told that nobody answers; the call is to be ended as soon as the RFC allows.
    `fork` is the key of the fork this is a branch of: it went to a registered phone, and what
    follows in its dialogs goes to `peer` too, whatever the phone's Contact says. `winner` is the
    To tag of the 2xx that counts, `losers` those of others, behind a proxy that forked.
    """

    peer: Peer | None = None
    wire: bytes = b""
    orphan: bool = False
    fork: bytes | None = None
    winner: bytes = b""
    losers: set[bytes] = field(default_factory=set)

    def too_many(self, tag: bytes) -> bool:
        """True for the To tag of a 2xx that came after another's (RFC 3261 section 13.2.2.4)."""
        self.winner = self.winner or tag
        return tag != self.winner


T = TypeVar("T", bound=Transaction)


@dataclass(slots=True)
class Table(Generic[T]):
    """Transactions by branch; `room` is the most it will hold."""

    timers: Timers
    room: int = 20_000
    #: told of each that is new, has moved on, or is settled
    changed: Callable[[T], None] = lambda transaction: None
    _by_branch: dict[bytes, T] = field(default_factory=dict)
    _by_request: dict[tuple[bytes, bytes, int], T] = field(default_factory=dict)
    _of_worker: dict[str, dict[bytes, T]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._by_branch)

    @property
    def full(self) -> bool:
        """True when no new transaction should begin."""
        return len(self._by_branch) >= self.room

    def add(self, transaction: T) -> None:
        """Remember."""
        self._by_branch[transaction.branch] = transaction
        self._by_request[_request_key(transaction.request)] = transaction
        if transaction.token is not None:
            self.give(transaction, transaction.token)
        self.changed(transaction)

    def give(self, transaction: T, token: str) -> None:
        """It is this worker's from now on."""
        transaction.token = token
        self._of_worker.setdefault(token, {})[transaction.branch] = transaction

    def holds(self, request: Message) -> bool:
        """True for an INVITE that is here already, whichever way it came."""
        return _request_key(request) in self._by_request

    def get(self, branch: bytes) -> T | None:
        """By the branch we gave it."""
        return self._by_branch.get(branch)

    def of(self, token: str) -> list[T]:
        """Those of one worker."""
        return list(self._of_worker.get(token, {}).values())

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._by_branch.values()))

    def settled(self, transaction: T) -> None:
        """The outcome is known: forget it after the linger time."""
        now = asyncio.get_running_loop().time()
        transaction.until = now + self.timers.linger
        self.changed(transaction)

    def sweep(self, now: float) -> None:
        """Forget what nobody retransmits any more."""
        for transaction in self:
            if transaction.until is not None and transaction.until <= now:
                self._forget(transaction)

    def _forget(self, transaction: T) -> None:
        del self._by_branch[transaction.branch]
        key = _request_key(transaction.request)
        if self._by_request.get(key) is transaction:
            del self._by_request[key]
        if transaction.token is not None:
            theirs = self._of_worker[transaction.token]
            theirs.pop(transaction.branch, None)
            if not theirs:
                del self._of_worker[transaction.token]


def _request_key(request: Message) -> tuple[bytes, bytes, int]:
    return request.call_id, request.from_.tag, request.cseq.number


class Repeater:
    """Sends something again at growing intervals until it is told to stop (timers E and G, or A
    for an INVITE).
    """

    def __init__(self, timers: Timers, *, invites: bool = False) -> None:
        self._waits = invite_retransmissions(timers) if invites else retransmissions(timers)
        self._handles: dict[bytes, asyncio.TimerHandle] = {}

    def start(self, key: bytes, send: Callable[[], None]) -> None:
        """Call `send` now and again; after the last wait it is forgotten."""
        send()
        self.later(key, send)

    def later(self, key: bytes, send: Callable[[], None]) -> None:
        """The same for what was sent already."""
        self.stop(key)
        self._wait(key, send, 0)

    def stop(self, key: bytes) -> bool:
        """An answer came. True when something was being repeated under that key."""
        handle = self._handles.pop(key, None)
        if handle is None:
            return False
        handle.cancel()
        return True

    def __contains__(self, key: bytes) -> bool:
        return key in self._handles

    def close(self) -> None:
        """Stop all."""
        for handle in self._handles.values():
            handle.cancel()
        self._handles.clear()

    def _again(self, key: bytes, send: Callable[[], None], sent: int) -> None:
        send()
        self._handles.pop(key, None)
        self._wait(key, send, sent)

    def _wait(self, key: bytes, send: Callable[[], None], sent: int) -> None:
        if sent < len(self._waits):
            loop = asyncio.get_running_loop()
            self._handles[key] = loop.call_later(
                self._waits[sent], self._again, key, send, sent + 1
            )
