"""Sound files as mono 16-bit PCM: plain WAV is read here, the rest by PyAV; pydub mixes down and
levels.
"""

import warnings
import wave
from collections.abc import Iterable
from io import BytesIO
from typing import NamedTuple

from sipagent.errors import CallError
from sipagent.media.resample import Resampler

from .late import Late

with warnings.catch_warnings():
    # It looks for an ffmpeg program, which is never asked for anything here.
    warnings.simplefilter("ignore")
    from pydub import AudioSegment

#: longest prompt, seconds; the rest of a longer one is refused, not cut
MAX_SECONDS = 900
#: what a plan says where it plays anything but plain WAV
_CODED = (b".mp3", b".ogg", b".opus", b".flac", b".m4a", b".aac", b".webm", b"http:", b"https:")


class SoundError(CallError):
    """A sound cannot be had or cannot be decoded; the text names it and says why."""


class Samples(NamedTuple):
    """16-bit little-endian samples, channels interleaved; `rate` in Hz."""

    pcm: bytes
    rate: int
    channels: int


#: five hundred memory maps that every fork would copy, where no plan needs them
CONTAINERS: Late[Samples] = Late("sipagent.providers.containers")


def wants_containers(plans: Iterable[bytes]) -> bool:
    """Whether any of these plans, as text, plays what only PyAV decodes."""
    return any(kind in plan for plan in plans for kind in _CODED)


def decode(data: bytes, name: str, rate: int) -> bytes:
    """The whole of a WAV, MP3, Ogg or FLAC file as PCM at `rate`. Raises SoundError."""
    found = _plain_wav(data, name) or CONTAINERS(data, name)
    segment = AudioSegment(
        found.pcm, sample_width=2, frame_rate=found.rate, channels=found.channels
    )
    pcm: bytes = segment.set_channels(1).raw_data
    return Resampler(found.rate, rate, "HQ").finish(pcm)


def with_volume(pcm: bytes, rate: int, volume: float) -> bytes:
    """PCM made louder or quieter by `volume` dB; peaks are clipped."""
    if volume == 0:
        return pcm
    segment = AudioSegment(pcm, sample_width=2, frame_rate=rate, channels=1)
    changed: bytes = segment.apply_gain(volume).raw_data
    return changed


def _plain_wav(data: bytes, name: str) -> Samples | None:
    """A WAV file of 16-bit samples, one or two channels; None where it is anything else."""
    try:
        with wave.open(BytesIO(data)) as file:
            rate, channels = file.getframerate(), file.getnchannels()
            if file.getsampwidth() != 2 or channels > 2:
                return None
            if file.getnframes() > MAX_SECONDS * rate:
                raise SoundError(f"{name}: longer than {MAX_SECONDS} s")
            pcm = file.readframes(file.getnframes())
    except (wave.Error, EOFError):
        return None
    whole = len(pcm) - len(pcm) % (2 * channels)
    return Samples(pcm[:whole], rate, channels)
