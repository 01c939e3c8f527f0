"""Words of a turn as they come: for who listens now, seldom, and never of a redacted call."""

from sipagent.call.session import CallSession
from sipagent.events import Interim, Speaker

#: ms on the media clock between two guesses at one turn
_SELDOM = 250


class Interims:
    """Tells of the words of one side. A number that a rule would redact is known only when it is
    whole: where there are rules, nothing is told before its turn is over.
    """

    def __init__(self, call: CallSession, speaker: Speaker) -> None:
        self._call = call
        self._speaker = speaker
        self._mute = bool(call.services.privacy.redact)
        #: when the newest was told, of which turn, and what
        self._told: tuple[int, int, str] = (0, -1, "")

    def tell(self, text: str, start: int) -> None:
        """The words so far of the turn that began at media-clock `start` ms."""
        now, (before, turn, known) = self._call.bridge.clock.t, self._told
        if self._mute or not text.strip() or (turn == start and text == known):
            return
        if turn == start and now - before < _SELDOM:
            return
        self._told = (now, start, text)
        self._call.emit(Interim, speaker=self._speaker, text=text, start=start)
