"""Lineup: the providers of one role in order, the one in force, and what a failure leads to."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar

from sipagent.errors import ProviderError

from .prices import Prices
from .protocols import Used

Organ = TypeVar("Organ")
Organ_co = TypeVar("Organ_co", covariant=True)
Role = Literal["ears", "mind", "mouth"]

#: before the same one is asked again, seconds: long enough for a dropped connection, and hardly
#: heard
_BACKOFF = 0.15
#: one that failed is left alone for so long, seconds
COOL_DOWN = 30.0
_FREE = Prices()


@dataclass(frozen=True, slots=True)
class Candidate(Generic[Organ_co]):
    """One provider of a list. `make` is called once, when it is first needed, and may raise
    ProviderError.
    """

    name: str
    make: Callable[[], Organ_co]
    prices: Prices = _FREE


def only(organ: Organ, name: str, prices: Prices = _FREE) -> tuple[Candidate[Organ]]:
    """A list of one that is made already."""
    return (Candidate(name, lambda: organ, prices),)


@dataclass(frozen=True, slots=True)
class Failed:
    """What failed, and what is done: the same again, the `next`, or (None) nothing more here."""

    role: Role
    error: ProviderError
    then: Literal["retry", "next"] | None
    next: str = ""


class Record(Protocol):
    """Who is told what a lineup does."""

    def failed(self, failed: Failed) -> None:
        """A piece of work failed."""
        ...

    def replied(self, provider: str, prices: Prices, used: Used, ms: int) -> None:
        """A mind has replied, which took `ms`."""
        ...

    def speech(
        self, role: Role, provider: str, prices: Prices, seconds: float, characters: int
    ) -> None:
        """Ears heard so many seconds, or a mouth was given so many characters."""
        ...


class Lineup(Generic[Organ]):
    """Shared by all turns of a talk. The one in force stays until it fails; then the next takes
    over, and the failed one is not asked for `COOL_DOWN` seconds unless nobody else is left.
    """

    def __init__(self, role: Role, candidates: Sequence[Candidate[Organ]], record: Record) -> None:
        self.role: Role = role
        self.record = record
        self._candidates = candidates
        self._made: dict[int, Organ] = {}
        #: loop time of the last failure
        self._failed: dict[int, float] = {}
        self._index = 0

    @property
    def organ(self) -> Organ:
        """The one in force. Raises ProviderError where it cannot be made."""
        return self.made(self._index)

    @property
    def current(self) -> str:
        """What the plan calls the one in force."""
        return self._candidates[self._index].name

    @property
    def all_made(self) -> Iterable[Organ]:
        """Every one that was needed so far."""
        return tuple(self._made.values())

    def work(self) -> "Work[Organ]":
        """Begin a piece of work: one reply, one sentence, one turn of the caller."""
        return Work(self, self.choose(frozenset(), or_else=self._index))

    def made(self, index: int) -> Organ:
        """The organ at a place in the list."""
        if index not in self._made:
            self._made[index] = self._candidates[index].make()
        return self._made[index]

    def candidate(self, index: int) -> Candidate[Organ]:
        """The one at a place in the list."""
        return self._candidates[index]

    def drop(self, index: int) -> None:
        """It failed: leave it alone for a while."""
        self._failed[index] = asyncio.get_running_loop().time()

    def choose(self, tried: frozenset[int], *, or_else: int) -> int:
        """The one in force, or the first after it that neither cools down nor was `tried`; it is
        in force from now on.
        """
        now = asyncio.get_running_loop().time()
        count = len(self._candidates)
        for index in ((self._index + step) % count for step in range(count)):
            cooling = now - self._failed.get(index, -COOL_DOWN) < COOL_DOWN
            if index not in tried and not cooling:
                self._index = index
                return index
        return or_else

    def report(self, error: ProviderError, then: Literal["retry", "next"] | None, to: int) -> None:
        """Say what failed and what is done about it."""
        following = self._candidates[to].name if then == "next" else ""
        self.record.failed(Failed(self.role, error, then, following))


class Work(Generic[Organ]):
    """One piece of work: each provider is tried once, and once more where that may help."""

    def __init__(self, lineup: Lineup[Organ], index: int) -> None:
        self._lineup = lineup
        self._index = index
        self._tried: set[int] = set()
        self._retried = False

    @property
    def name(self) -> str:
        """Who is at it."""
        return self._lineup.candidate(self._index).name

    @property
    def organ(self) -> Organ:
        """Who is at it. Raises ProviderError where it cannot be made."""
        return self._lineup.made(self._index)

    @property
    def first(self) -> bool:
        """Is it the first of the list?"""
        return self._index == 0

    def replied(self, used: Used, ms: int) -> None:
        """Put on record what a reply used."""
        self._lineup.record.replied(self.name, self._prices, used, ms)

    def spent(self, *, seconds: float = 0.0, characters: int = 0) -> None:
        """Put on record what was heard or spoken."""
        lineup = self._lineup
        lineup.record.speech(lineup.role, self.name, self._prices, seconds, characters)

    @property
    def _prices(self) -> Prices:
        return self._lineup.candidate(self._index).prices

    async def failed(self, error: ProviderError, *, retry: bool = True, go_on: bool = True) -> bool:
        """Report a failure; True where the work is to be done again, by `organ`.

        `retry` allows the same one again, `go_on` any other: without it the next piece of work
        begins with the next one.
        """
        lineup = self._lineup
        if retry and go_on and error.retryable and not self._retried:
            self._retried = True
            lineup.report(error, "retry", self._index)
            await asyncio.sleep(_BACKOFF)
            return True
        lineup.drop(self._index)
        self._tried.add(self._index)
        self._retried = False
        following = lineup.choose(frozenset(self._tried), or_else=self._index)
        moves = go_on and following != self._index
        lineup.report(error, "next" if moves else None, following)
        self._index = following
        return moves


def connections(lineups: Iterable[Lineup[Any]]) -> list[Any]:
    """The organs in force, as far as they can be made: what cannot is found by its first use."""
    found: list[Any] = []
    for lineup in lineups:
        try:
            found.append(lineup.organ)
        except ProviderError:
            continue
    return found
