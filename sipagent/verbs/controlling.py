"""What somebody outside does to a sound that plays: pause_play, resume_play."""

from typing import ClassVar

from pydantic import Field

from sipagent.call.control import CallControl
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import CallError
from sipagent.media.port import AudioPort


class NothingPlays(CallError):
    """Nothing plays under this control id."""

    status = 404


class _Playing(Verb):
    """A verb on a sound that plays."""

    shorthand: ClassVar[str | None] = "control_id"
    control_id: str = Field(min_length=1, max_length=64, description="as `play` was given it")

    def _port(self, control: CallControl) -> AudioPort:
        port = control.call.playing.get(self.control_id)
        if port is None:
            raise NothingPlays(f"nothing plays as {self.control_id!r}")
        return port


class PausePlayVerb(_Playing):
    """Pause what plays."""

    name: ClassVar[str] = "pause_play"

    async def run(self, control: CallControl) -> Outcome:
        """Silence from the next frame on. Raises NothingPlays."""
        self._port(control).pause()
        return Outcome(detail="paused")


class ResumePlayVerb(_Playing):
    """Let what was paused play on, from where it stopped."""

    name: ClassVar[str] = "resume_play"

    async def run(self, control: CallControl) -> Outcome:
        """Raises NothingPlays."""
        self._port(control).resume()
        return Outcome(detail="playing")


CONTROLLING: tuple[type[Verb], ...] = (PausePlayVerb, ResumePlayVerb)
