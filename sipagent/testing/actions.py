"""Actions: the single steps a scripted test phone can do in a call."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import soxr

from sipagent.errors import SipAgentError

from . import audio
from .call import PhoneCall

#: text to PCM (s16le, 8 kHz)
Speak = Callable[[str], Awaitable[bytes]]


class StepFailed(SipAgentError):
    """A step did not come out as the script expects; the script ends there."""


@dataclass(slots=True)
class Scene:
    """What steps share."""

    call: PhoneCall
    speak: Speak
    #: end of what we said last (perf_counter)
    spoken: float | None = None
    recordings: list[Path] = field(default_factory=list)

    async def play(self, pcm: bytes) -> Mapping[str, Any]:
        """Send PCM and tell when."""
        played = await self.call.play(pcm)
        self.spoken = played.end
        begun = self.call.times.begun
        return {"onset_s": rounded(played.onset - begun), "end_s": rounded(played.end - begun)}


@dataclass(frozen=True, slots=True)
class Action:
    """One step. Its fields are its arguments, in order; one with a default may be left out."""

    name: ClassVar[str]

    async def run(self, scene: Scene) -> Mapping[str, Any]:
        """Do it; what came of it. Raises StepFailed, TimeoutError, LegFailed."""
        return {}


@dataclass(frozen=True, slots=True)
class Say(Action):
    """Say a text."""

    name: ClassVar[str] = "say"
    text: str

    async def run(self, scene: Scene) -> Mapping[str, Any]:
        """See `Action`."""
        return await scene.play(await scene.speak(self.text))


@dataclass(frozen=True, slots=True)
class Play(Action):
    """Play a WAV file of any rate."""

    name: ClassVar[str] = "play"
    path: Path

    async def run(self, scene: Scene) -> Mapping[str, Any]:
        """See `Action`."""
        return await scene.play(await asyncio.to_thread(load, self.path))


@dataclass(frozen=True, slots=True)
class Press(Action):
    """Press keys."""

    name: ClassVar[str] = "press"
    keys: str

    async def run(self, scene: Scene) -> Mapping[str, Any]:
        """See `Action`."""
        await scene.call.press(self.keys)
        return {}


@dataclass(frozen=True, slots=True)
class Wait(Action):
    """Wait some seconds."""

    name: ClassVar[str] = "wait"
    seconds: float

    async def run(self, scene: Scene) -> Mapping[str, Any]:
        """See `Action`."""
        await asyncio.sleep(self.seconds)
        return {}


@dataclass(frozen=True, slots=True)
class WaitSpeech(Action):
    """Wait until the far end speaks; tells how long after our own last word that was."""

    name: ClassVar[str] = "wait-speech"
    timeout: float = 10.0

    async def run(self, scene: Scene) -> Mapping[str, Any]:
        """See `Action`."""
        at = await scene.call.wait_for_speech(self.timeout)
        found = {"onset_s": rounded(at - scene.call.times.begun)}
        if scene.spoken is not None:
            found["after_our_speech_ms"] = rounded(1000 * (at - scene.spoken))
        return found


@dataclass(frozen=True, slots=True)
class WaitSilence(Action):
    """Wait until the far end was silent for some milliseconds."""

    name: ClassVar[str] = "wait-silence"
    milliseconds: int = 800
    timeout: float = 60.0

    async def run(self, scene: Scene) -> Mapping[str, Any]:
        """See `Action`."""
        at = await scene.call.wait_for_silence(self.milliseconds, self.timeout)
        return {"silent_from_s": rounded(at - scene.call.times.begun)}


@dataclass(frozen=True, slots=True)
class ExpectDigits(Action):
    """Fail unless the far end presses these keys."""

    name: ClassVar[str] = "expect-digits"
    keys: str
    timeout: float = 10.0

    async def run(self, scene: Scene) -> Mapping[str, Any]:
        """See `Action`."""
        pressed = await scene.call.wait_for_digits(len(self.keys), self.timeout)
        if pressed != self.keys:
            raise StepFailed(f"expected {self.keys}, heard {pressed}")
        return {"keys": pressed}


@dataclass(frozen=True, slots=True)
class ExpectEnd(Action):
    """Fail unless the far end hangs up."""

    name: ClassVar[str] = "expect-end"
    timeout: float = 30.0

    async def run(self, scene: Scene) -> Mapping[str, Any]:
        """See `Action`."""
        await scene.call.wait_ended(self.timeout)
        return {}


@dataclass(frozen=True, slots=True)
class Hold(Action):
    """Put the far end on hold."""

    name: ClassVar[str] = "hold"

    async def run(self, scene: Scene) -> Mapping[str, Any]:
        """See `Action`."""
        await scene.call.hold()
        return {}


@dataclass(frozen=True, slots=True)
class Resume(Action):
    """Take the far end back from hold."""

    name: ClassVar[str] = "resume"

    async def run(self, scene: Scene) -> Mapping[str, Any]:
        """See `Action`."""
        await scene.call.resume()
        return {}


@dataclass(frozen=True, slots=True)
class Refer(Action):
    """Ask the far end to call someone else."""

    name: ClassVar[str] = "refer"
    target: str

    async def run(self, scene: Scene) -> Mapping[str, Any]:
        """See `Action`."""
        outcome = await scene.call.refer(self.target)
        if not outcome.ok:
            raise StepFailed(f"{outcome.status} {outcome.reason}")
        return {"status": outcome.status}


@dataclass(frozen=True, slots=True)
class Record(Action):
    """Have the whole call written as a stereo WAV (left: we) when it is over."""

    name: ClassVar[str] = "record"
    path: Path

    async def run(self, scene: Scene) -> Mapping[str, Any]:
        """See `Action`."""
        scene.recordings.append(self.path)
        return {}


@dataclass(frozen=True, slots=True)
class Hangup(Action):
    """Hang up. A script that does not is followed by one."""

    name: ClassVar[str] = "hangup"

    async def run(self, scene: Scene) -> Mapping[str, Any]:
        """See `Action`."""
        await scene.call.hangup()
        return {}


ACTIONS: Mapping[str, type[Action]] = {
    kind.name: kind
    for kind in (
        *(Say, Play, Press, Wait, WaitSpeech, WaitSilence),
        *(ExpectDigits, ExpectEnd, Hold, Resume, Refer, Record, Hangup),
    )
}


def load(path: Path) -> bytes:
    """A WAV file as PCM (s16le mono, 8 kHz). Raises OSError, ValueError."""
    pcm, rate = audio.read_wav(path)
    if rate == audio.RATE:
        return pcm
    return bytes(soxr.resample(audio.samples(pcm), rate, audio.RATE).tobytes())


def rounded(value: float) -> float:
    """Three places are enough for reports: microseconds are noise."""
    return round(value, 3)
