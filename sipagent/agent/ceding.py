"""Ceding: the agent's own speech paused, taken up again or given up, as the gate decides."""

from sipagent.call.session import CallSession
from sipagent.events import BargeIn

from .mind import Mind
from .speaking.speaker import Speaker
from .yielding.bargein import GiveWay
from .yielding.gate import Gate, Holding
from .yielding.record import barge_in_fields
from .yielding.spec import BargeInSpec

_ACKNOWLEDGE = (
    "The caller spoke over you. Acknowledge that briefly, and make sure that you understood what "
    "they said."
)


class Ceding:
    """Give it a `mind` before the first frame."""

    mind: Mind

    def __init__(self, spec: BargeInSpec, gate: Gate, speaker: Speaker, call: CallSession) -> None:
        self._spec = spec
        self._gate = gate
        self._speaker = speaker
        self._call = call

    def holding(self) -> Holding:
        """What the agent holds now, and by what the caller may take it."""
        spec, active = self._spec, self._speaker.active
        may = spec.enabled and (active or self.mind.holds_floor) and self._speaker.interruptible
        return Holding(active, may and spec.by_voice, may, self.mind.asking.open)

    def act(self, way: GiveWay | None, began: int) -> None:
        """Do what was decided, and put it on record. The caller's turn began at `began` ms."""
        if way is None:
            return
        if self._speaker.active:
            played = self._speaker.played_ms
            self._call.emit(BargeIn, played_ms=played, **barge_in_fields(way))
        match way.decision:
            case "paused":
                self._speaker.pause()
            case "resumed":
                self._speaker.resume()
            case "stopped":
                self._stop()
                if not self.mind.asking.answers(began):
                    self.mind.interrupt()

    def _stop(self) -> None:
        """Stop for good; the mind is told of it as the plan wants."""
        spec, speaker = self._spec, self._speaker
        played, active = speaker.played_ms, speaker.active
        speaker.stop()
        if spec.transparent and active and played <= spec.transparent_barge_max_time:
            speaker.conversation.retract()
        if active and spec.acknowledge:
            self.mind.note(_ACKNOWLEDGE)
        if active and spec.prompt:
            self.mind.note(spec.prompt)

    def wrote(self, began: int) -> None:
        """A text came; it stops what is being said, as a key does."""
        if self.holding().by_key:
            self.act(self._gate.barge.key(), began)

    def understood(self, text: str, began: int) -> bool:
        """The agent went on after a pause; True where the words are no reason to stop after all."""
        if self.mind.asking.open and not self.mind.asking.answers(began):
            # said before the question was heard: it waits its turn
            return False
        if not self.holding().by_voice:
            return False
        way = self._gate.understood(text)
        self.act(way, began)
        return way is None or way.decision == "resumed"
