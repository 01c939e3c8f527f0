"""The waterfall of a call's turns: how long each stage took, whose it was, and p50 and p95 of all.

Pure: made of events and of nothing else.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sipagent.events import Event, ProviderFailed, TurnLatency

#: the stages in order; each begins where the one before it was reached
STAGES = (
    "endpoint", "final_text", "first_token", "first_sentence", "first_audio", "first_rtp",
)  # fmt: skip
#: from the caller's last sound to our first RTP
RESPONSE = "response"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figures(_Part):
    """Nearest-rank percentiles, ms: values that were really measured."""

    turns: int = 0
    p50: float | None = None
    p95: float | None = None


class Turn(_Part):
    """One turn of the caller's and what became of it. Times are ms after their last sound."""

    turn: int
    t: int = Field(description="media-clock ms of the caller's last sound")
    reason: str = Field(default="", description="why it was taken to be over; keys: it was typed")
    outcome: Literal["answered", "interrupted", "silent", "failed"] = "answered"
    reached: Mapping[str, int] = Field(default_factory=dict, description="stages, when each came")
    took: Mapping[str, int] = Field(
        default_factory=dict, description="stages, ms of each by itself"
    )
    overhead_ms: float | None = None
    providers: Mapping[str, str] = Field(default_factory=dict, description="that served, by role")
    failed: tuple[str, ...] = Field(default=(), description="that did not: role, provider")

    @property
    def response_ms(self) -> int | None:
        """From the caller's last sound to our first RTP, where it came to that."""
        return self.reached.get("first_rtp")


def turns_of(events: Iterable[Event]) -> tuple[Turn, ...]:
    """Every turn that was measured, in order. Failures belong to the turn they held up."""
    found = []
    failed: list[str] = []
    for event in events:
        if isinstance(event, ProviderFailed):
            failed.append(f"{event.role} {event.provider}")
        elif isinstance(event, TurnLatency):
            found.append(turn_of(event, failed))
            failed = []
    return tuple(found)


def turn_of(event: TurnLatency, failed: Sequence[str] = ()) -> Turn:
    """One event as a turn."""
    start = event.endpoint if event.speech_end is None else event.speech_end
    times = {stage: getattr(event, stage) for stage in STAGES}
    reached = {s: t - start for s, t in times.items() if t is not None and start is not None}
    took, before = {}, 0
    for stage, ms in reached.items():
        took[stage] = max(0, ms - before)
        before = max(before, ms)
    roles = {"ears": event.ears, "mind": event.mind, "mouth": event.mouth}
    return Turn(
        turn=event.turn,
        t=event.t if start is None else start,
        reason=event.reason,
        outcome=event.outcome,
        reached=reached,
        took=took,
        overhead_ms=event.overhead_ms,
        providers={role: name for role, name in roles.items() if name},
        failed=tuple(failed),
    )


def figures(values: Iterable[float | None]) -> Figures:
    """Of what was measured."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return Figures()
    return Figures(turns=len(known), p50=_rank(known, 50), p95=_rank(known, 95))


def latencies(turns: Sequence[Turn]) -> Mapping[str, Figures]:
    """`response`, and each stage by itself, over all turns that came to it."""
    found = {RESPONSE: figures(turn.response_ms for turn in turns)}
    found |= {stage: figures(turn.took.get(stage) for turn in turns) for stage in STAGES}
    return {name: known for name, known in found.items() if known.turns}


def _rank(ordered: Sequence[float], percent: int) -> float:
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
