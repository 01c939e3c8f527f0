"""Compare: two runs of one call side by side: what is the same, what differs, and how. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal, get_args

from sipagent.call.waterfall import RESPONSE, STAGES, Figures, turns_of
from sipagent.call.waterfall import latencies as measured_in
from sipagent.events import Event

from .decisions import Decision, Lane, decisions

Part = tuple[Literal["same", "gone", "new"], str]


@dataclass(frozen=True, slots=True)
class Row:
    """What stood on record beside what came now; None where one of them has nothing."""

    before: Decision | None
    after: Decision | None

    @property
    def same(self) -> bool:
        """Was the same decided?"""
        before, after = self.before, self.after
        return (
            before is not None
            and after is not None
            and (before.kind, before.what) == (after.kind, after.what)
        )

    @property
    def either(self) -> Decision:
        """The one there is, that on record where there are both."""
        found = self.before or self.after
        assert found is not None
        return found


@dataclass(frozen=True, slots=True)
class Latency:
    """How long a stage took on the median, ms; None where no turn reached it."""

    stage: str
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both runs, in the order of the record."""

    rows: tuple[Row, ...]
    latencies: tuple[Latency, ...]

    @property
    def differences(self) -> tuple[Row, ...]:
        """The rows in which they differ."""
        return tuple(row for row in self.rows if not row.same)


def compare(before: Sequence[Event], after: Sequence[Event]) -> Comparison:
    """Lay a run beside the record."""
    ours, theirs = decisions(before), decisions(after)
    rows = [
        row
        for lane in get_args(Lane)
        for row in _aligned(
            [one for one in ours if one.lane == lane], [one for one in theirs if one.lane == lane]
        )
    ]
    measured = (measured_in(turns_of(before)), measured_in(turns_of(after)))
    latencies = tuple(
        Latency(stage, *(of.get(stage, Figures()).p50 for of in measured))
        for stage in (*STAGES, RESPONSE)
    )
    return Comparison(tuple(sorted(rows, key=_order)), latencies)


def words(before: str, after: str) -> list[Part]:
    """Two texts as one: the words of both, those that went and those that came."""
    ours, theirs = before.split(), after.split()
    parts: list[Part] = []
    for tag, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if tag == "equal":
            parts.append(("same", " ".join(ours[a:b])))
            continue
        if b > a:
            parts.append(("gone", " ".join(ours[a:b])))
        if d > c:
            parts.append(("new", " ".join(theirs[c:d])))
    return parts


def _aligned(before: Sequence[Decision], after: Sequence[Decision]) -> Iterator[Row]:
    ours, theirs = [_key(one) for one in before], [_key(one) for one in after]
    for tag, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from map(Row, before[a:b], after[c:d])
        else:
            yield from _paired(before[a:b], after[c:d])


def _paired(before: Sequence[Decision], after: Sequence[Decision]) -> Iterator[Row]:
    """Of a stretch that differs: the nth of a kind beside the nth, the rest alone."""
    left = list(after)
    for one in before:
        other = next((found for found in left if found.kind == one.kind), None)
        if other is None:
            yield Row(one, None)
            continue
        # what came before it has no counterpart
        at = left.index(other)
        for alone in left[:at]:
            yield Row(None, alone)
        del left[: at + 1]
        yield Row(one, other)
    for alone in left:
        yield Row(None, alone)


def _order(row: Row) -> tuple[int, int]:
    return row.either.t, row.either.place


def _key(decision: Decision) -> tuple[str, str]:
    return decision.kind, decision.what
