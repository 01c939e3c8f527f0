"""Noise reduction on what the agent hears: denoise, stop_denoise."""

from typing import ClassVar

from sipagent.call.control import CallControl
from sipagent.call.verb import Outcome, Verb

from .flow import remember


class DenoiseVerb(Verb):
    """Take steady noise out of what agents and transcriptions hear of this call. What people hear
    of each other goes through the native mixer and stays as it is.
    """

    name: ClassVar[str] = "denoise"

    async def run(self, control: CallControl) -> Outcome:
        """From now on."""
        control.call.tracks.denoise(True)
        remember(control.call, denoise_result="on")
        return Outcome(detail="what is listened to is freed of noise")


class StopDenoiseVerb(Verb):
    """Hear the call as it is again."""

    name: ClassVar[str] = "stop_denoise"

    async def run(self, control: CallControl) -> Outcome:
        """From now on."""
        control.call.tracks.denoise(False)
        remember(control.call, denoise_result="off")
        return Outcome(detail="the call is heard as it is")


DENOISING: tuple[type[Verb], ...] = (DenoiseVerb, StopDenoiseVerb)
