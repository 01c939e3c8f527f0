"""Sound files of any usual kind as mono 16-bit PCM: PyAV decodes, pydub mixes down and levels."""

import warnings
from io import BytesIO

import av
from av.audio.frame import AudioFrame

from sipagent.errors import CallError
from sipagent.media.resample import Resampler

with warnings.catch_warnings():
    # It looks for an ffmpeg program, which is never asked for anything here.
    warnings.simplefilter("ignore")
    from pydub import AudioSegment

#: longest prompt, seconds; the rest of a longer one is refused, not cut
MAX_SECONDS = 900


class SoundError(CallError):
    """A sound cannot be had or cannot be decoded; the text names it and says why."""


def decode(data: bytes, name: str, rate: int) -> bytes:
    """The whole of a WAV, MP3, Ogg or FLAC file as PCM at `rate`. Raises SoundError."""
    try:
        with av.open(BytesIO(data), mode="r") as container:
            if not container.streams.audio:
                raise SoundError(f"{name}: holds no audio")
            source = container.streams.audio[0].rate
            segment = _segment(container, name, source)
    except (av.FFmpegError, ValueError) as error:
        raise SoundError(f"{name}: cannot be decoded: {error}") from error
    pcm: bytes = segment.set_channels(1).raw_data
    return Resampler(source, rate, "HQ").finish(pcm)


def with_volume(pcm: bytes, rate: int, volume: float) -> bytes:
    """PCM made louder or quieter by `volume` dB; peaks are clipped."""
    if volume == 0:
        return pcm
    changed: bytes = _mono(pcm, rate).apply_gain(volume).raw_data
    return changed


def _segment(container: "av.container.InputContainer", name: str, rate: int) -> AudioSegment:
    stream = container.streams.audio[0]
    channels = 2 if stream.channels > 1 else 1
    resampler = av.AudioResampler(
        format="s16", layout="stereo" if channels == 2 else "mono", rate=rate
    )
    limit = MAX_SECONDS * rate * channels * 2
    pcm = bytearray()
    for frame in container.decode(stream):
        pcm += _bytes(resampler.resample(frame), channels)
        if len(pcm) > limit:
            raise SoundError(f"{name}: longer than {MAX_SECONDS} s")
    pcm += _bytes(resampler.resample(None), channels)
    return AudioSegment(bytes(pcm), sample_width=2, frame_rate=rate, channels=channels)


def _bytes(frames: list[AudioFrame], channels: int) -> bytes:
    # A plane is padded for alignment: only `samples` of it are sound.
    return b"".join(bytes(f.planes[0])[: f.samples * channels * 2] for f in frames)


def _mono(pcm: bytes, rate: int) -> AudioSegment:
    return AudioSegment(pcm, sample_width=2, frame_rate=rate, channels=1)
