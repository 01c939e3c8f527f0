"""Trial: what a caller's line came to, judged from the wire and from the call's events. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from sipagent.events import BargeIn, Event, Said, TurnLatency

from .activity import Activity
from .render import Rendered
from .scenario import Expects, Scenario

#: silence this long is giving way, and no gap between two words
QUIET_MS = 300.0


@dataclass(frozen=True, slots=True)
class Window:
    """A line as it was played: `start` is ms on the wire of its first sample, `over` when it was
    no longer watched, `marks` the wire's marks of both.
    """

    scenario: Scenario
    line: Rendered
    start: float
    over: float
    marks: tuple[float, float]

    @property
    def onset(self) -> float:
        """The first sound of it on the wire."""
        return self.start + self.line.onset_ms

    @property
    def end(self) -> float:
        """The end of its last sound on the wire."""
        return self.start + self.line.end_ms


@dataclass(frozen=True, slots=True)
class Trial:
    """Times are ms; None where it did not happen.

    `answer_ms`: end of the caller's voice to the agent's first sound. `endpoint_ms`: end of voice,
    as the agent saw it, to the decision that the turn is over; `own_ms`: from there to the first
    sound, by the agent's own clock. `silent_ms`: the caller's onset to the agent's last sound.
    `paused_ms`: how long it was silent before it went on; None where it did not pause.
    `turns` are the words of each turn the agent made of the line.
    """

    row: str
    expects: Expects
    words: str
    at: float
    stopped: bool
    turns: tuple[str, ...] = ()
    answer_ms: float | None = None
    endpoint_ms: float | None = None
    own_ms: float | None = None
    silent_ms: float | None = None
    paused_ms: float | None = None
    lost_ms: float | None = None
    #: the ears are the bed's: what they heard is what was said
    exact: bool = True

    @property
    def cut_off(self) -> bool:
        """The agent took the turn before all of it was said; with ears that may mishear, it made
        more than one turn of it.
        """
        if self.expects != "answered" or not self.turns:
            return False
        return self.turns[0] != self.words if self.exact else len(self.turns) > 1

    @property
    def met(self) -> bool:
        """It came as the scenario expects."""
        match self.expects:
            case "answered":
                return self.answer_ms is not None and not self.cut_off
            case "yielded":
                return self.stopped and self.silent_ms is not None
            case "resumed":
                return not self.stopped and not self.lost_ms
            case "asked":
                return self.answer_ms is not None


def judge(
    window: Window,
    agent: Activity,
    mine: Sequence[Event],
    lost_ms: float | None,
    *,
    real_time: bool = False,
    exact: bool = True,
) -> Trial:
    """What came of one line. `mine` are the events between its marks, `lost_ms` what is missing
    of the agent's speech around it (None: not known). In `real_time` the agent's work takes time,
    which it has told; `exact` are the bed's own ears.
    """
    decisions = [event.decision for event in mine if isinstance(event, BargeIn)]
    said = [event for event in mine if isinstance(event, Said)]
    expects = window.scenario.expects
    answered = agent.onset(window.end) if not window.scenario.over else None
    if answered is not None and answered > window.over:
        answered = None
    latency = next((event for event in mine if isinstance(event, TurnLatency)), None)
    silent = agent.silent(window.onset, QUIET_MS) if window.scenario.over else None
    return Trial(
        row=window.scenario.row,
        expects=expects,
        words=window.line.text,
        at=window.onset,
        stopped="stopped" in decisions
        or any(event.speaker == "agent" and event.interrupted for event in said),
        turns=tuple(event.text for event in said if event.speaker == "caller"),
        answer_ms=None if answered is None else answered - window.end,
        endpoint_ms=_between(latency, "speech_end", "endpoint"),
        own_ms=_own(latency, real_time=real_time),
        silent_ms=None if silent is None or silent > window.over else silent - window.onset,
        paused_ms=_paused([event for event in mine if isinstance(event, BargeIn)]),
        lost_ms=lost_ms,
        exact=exact,
    )


def _paused(decisions: Sequence[BargeIn]) -> float | None:
    """From the first pause to the last time it went on."""
    begun = next((event.t for event in decisions if event.decision == "paused"), None)
    ended = [event.t for event in decisions if event.decision == "resumed"]
    return None if begun is None or not ended else float(max(0, ended[-1] - begun))


def _own(latency: TurnLatency | None, *, real_time: bool) -> float | None:
    frames = _between(latency, "endpoint", "first_rtp")
    if latency is None or frames is None or not real_time or latency.overhead_ms is None:
        return frames
    return max(frames, latency.overhead_ms)


def _between(latency: TurnLatency | None, first: str, last: str) -> float | None:
    if latency is None:
        return None
    begin, end = getattr(latency, first), getattr(latency, last)
    return None if begin is None or end is None else float(end - begin)
