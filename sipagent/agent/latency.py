"""TurnClock: the waterfall of one turn, from the end of the caller's speech to our first RTP."""

from dataclasses import dataclass, field
from time import perf_counter

from sipagent.call.session import CallSession
from sipagent.events import TurnLatency

from .speaking.speaker import Stage
from .turns.machine import EndOfTurn


@dataclass(slots=True)
class TurnClock:
    """Media-clock ms of each stage, the first time it is reached; put on record once."""

    call: CallSession
    turn: int
    end: EndOfTurn
    stages: dict[str, int] = field(default_factory=dict)
    overhead_ms: float | None = None
    _decided: float = field(default_factory=perf_counter)
    _done: bool = False

    def reached(self, stage: str) -> None:
        """`final_text`, `first_token`, `first_audio` or `first_rtp` is there."""
        self.stages.setdefault(stage, self.call.bridge.clock.t)

    def spoken(self, stage: Stage) -> None:
        """Our speech has come so far. What is ours to answer for ends when it is queued."""
        match stage:
            case Stage.MADE:
                self.reached("first_audio")
            case Stage.QUEUED if self.overhead_ms is None:
                self.overhead_ms = (perf_counter() - self._decided) * 1000
            case Stage.PLAYED:
                self.reached("first_rtp")
                self.record()

    def record(self) -> None:
        """Put on record what was reached."""
        if self._done:
            return
        self._done = True
        self.call.emit(
            TurnLatency,
            turn=self.turn,
            speech_end=self.end.speech_end,
            endpoint=self.end.t,
            overhead_ms=self.overhead_ms,
            **self.stages,
        )
