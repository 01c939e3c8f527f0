"""TurnClock: the waterfall of one turn, from the end of the caller's speech to our first RTP."""

from dataclasses import dataclass, field
from time import perf_counter
from typing import Literal

from sipagent.call.session import CallSession
from sipagent.events import TurnLatency

from .speaking.speaker import Stage
from .turns.decisions import EndOfTurn

Role = Literal["ears", "mind", "mouth"]
#: what the caller got for a turn
Outcome = Literal["answered", "interrupted", "silent", "failed"]


@dataclass(slots=True)
class TurnClock:
    """Media-clock ms of each stage, the first time it is reached; put on record once."""

    call: CallSession
    turn: int
    end: EndOfTurn
    stages: dict[str, int] = field(default_factory=dict)
    #: the providers that served, by role
    served: dict[Role, str] = field(default_factory=dict)
    overhead_ms: float | None = None
    _decided: float = field(default_factory=perf_counter)
    _done: bool = False

    @classmethod
    def of_no_turn(cls, call: CallSession) -> "TurnClock":
        """For a reply that no turn of the caller's waits for: it is not put on record."""
        return cls(call, 0, EndOfTurn(0, "silence", 0), _done=True)

    def reached(self, stage: str) -> None:
        """`final_text`, `first_token`, `first_sentence`, `first_audio` or `first_rtp` is there."""
        self.stages.setdefault(stage, self.call.bridge.clock.t)

    def served_by(self, role: Role, provider: str) -> None:
        """This provider does the work of `role` in this turn; the last one told counts."""
        self.served[role] = provider

    def spoken(self, stage: Stage) -> None:
        """Our speech has come so far. What is ours to answer for ends when it is queued."""
        match stage:
            case Stage.GIVEN:
                self.reached("first_sentence")
            case Stage.MADE:
                self.reached("first_audio")
            case Stage.QUEUED if self.overhead_ms is None:
                self.overhead_ms = (perf_counter() - self._decided) * 1000
            case Stage.PLAYED:
                self.reached("first_rtp")
                self.record("answered")

    def record(self, outcome: Outcome) -> None:
        """Put on record what was reached, once: later words change nothing."""
        if self._done:
            return
        self._done = True
        self.call.emit(
            TurnLatency,
            turn=self.turn,
            reason=self.end.reason,
            outcome=outcome,
            speech_end=self.end.speech_end,
            endpoint=self.end.t,
            overhead_ms=self.overhead_ms,
            **self.served,
            **self.stages,
        )
