"""Compressed and odd sound files to plain samples, with PyAV: heavy, so imported late."""

from io import BytesIO

import av
from av.audio.frame import AudioFrame

from .decoding import MAX_SECONDS, Samples, SoundError


def make(data: bytes, name: str) -> Samples:
    """The first audio stream of a file. Raises SoundError."""
    try:
        with av.open(BytesIO(data), mode="r") as container:
            if not container.streams.audio:
                raise SoundError(f"{name}: holds no audio")
            return _samples(container, name)
    except (av.FFmpegError, ValueError) as error:
        raise SoundError(f"{name}: cannot be decoded: {error}") from error


def preload() -> None:
    """The import was all."""


def _samples(container: "av.container.InputContainer", name: str) -> Samples:
    stream = container.streams.audio[0]
    rate, channels = stream.rate, 2 if stream.channels > 1 else 1
    layout = "stereo" if channels == 2 else "mono"
    resampler = av.AudioResampler(format="s16", layout=layout, rate=rate)
    limit = MAX_SECONDS * rate * channels * 2
    pcm = bytearray()
    for frame in container.decode(stream):
        pcm += _bytes(resampler.resample(frame), channels)
        if len(pcm) > limit:
            raise SoundError(f"{name}: longer than {MAX_SECONDS} s")
    pcm += _bytes(resampler.resample(None), channels)
    return Samples(bytes(pcm), rate, channels)


def _bytes(frames: list[AudioFrame], channels: int) -> bytes:
    # A plane is padded for alignment: only `samples` of it are sound.
    return b"".join(bytes(f.planes[0])[: f.samples * channels * 2] for f in frames)
