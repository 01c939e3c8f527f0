"""Playout: the watch over speech that is queued and that nobody hears."""

from sipagent.call.services import TalkEnd
from sipagent.call.session import CallSession
from sipagent.events import Warned

from .jobs import Leave, Speak
from .mind import Mind
from .speaking.speaker import Speaker
from .turns.silence import StuckWatch

_STUCK_MS = 2000


class Playout:
    """Give it a `mind` before the first frame. `fallback` is the section after a second failure."""

    mind: Mind

    def __init__(self, speaker: Speaker, call: CallSession, fallback: str | None) -> None:
        self._speaker = speaker
        self._call = call
        self._fallback = fallback
        self._watch = StuckWatch(_STUCK_MS)
        self._stuck = 0

    def frame(self) -> None:
        """One more frame."""
        port = self._speaker.port
        if self._watch.frame(waits=not port.idle and not port.paused, played=port.played):
            self._not_played()

    def _not_played(self) -> None:
        """We speak and nobody hears it: join the bridge anew and say it again, once."""
        detail = f"speech is queued and was not played for {_STUCK_MS} ms"
        self._call.emit(Warned, code="speech_not_played", detail=detail)
        unheard = self._speaker.stop_unheard()
        self.mind.interrupt()
        self._stuck += 1
        if self._stuck > 1:
            self.mind.tell(Leave(TalkEnd("failed", self._fallback)))
            return
        room, port = self._call.room, self._speaker.port
        room.leave(port)
        room.join(port)
        if unheard:
            self.mind.tell(Speak(unheard))
