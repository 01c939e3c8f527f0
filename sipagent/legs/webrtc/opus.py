"""Opus: 20 ms frames of 48 kHz mono PCM to packets and back (RFC 6716, RFC 7587)."""

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream

from sipagent.media.frames import frame_bytes, frame_samples

RATE = 48_000
SAMPLES = frame_samples(RATE)
_TIME_BASE = Fraction(1, RATE)
#: a telephone's bandwidth needs no more; the part for lost packets (FEC) is in it
_BITS_PER_SECOND = 24_000
_EXPECTED_LOSS = 5  #: per cent
_FADE = np.linspace(1.0, 0.0, SAMPLES)


class OpusEncoder:
    """Mono, so that it costs half; with forward error correction for a browser to use."""

    def __init__(self) -> None:
        codec = AudioCodecContext.create("libopus", "w")
        codec.bit_rate = _BITS_PER_SECOND
        codec.format = "s16"
        codec.layout = "mono"
        codec.sample_rate = RATE
        codec.time_base = _TIME_BASE
        codec.options = {"application": "voip", "fec": "1", "packet_loss": str(_EXPECTED_LOSS)}
        self._codec = codec

    def encode(self, pcm: bytes, pts: int) -> "av.Packet[AudioStream] | None":
        """One frame as a packet at `pts` samples; None where the codec keeps it back."""
        frame = av.AudioFrame(format="s16", layout="mono", samples=SAMPLES)
        frame.planes[0].update(pcm)
        frame.sample_rate, frame.time_base, frame.pts = RATE, _TIME_BASE, pts
        for packet in self._codec.encode(frame):
            packet.pts, packet.time_base = pts, _TIME_BASE
            return packet
        return None


class OpusDecoder:
    """What was lost is hidden: the last frame backwards, fading, then silence."""

    def __init__(self) -> None:
        codec = AudioCodecContext.create("libopus", "r")
        codec.format = "s16"
        codec.layout = "mono"
        codec.sample_rate = RATE
        self._codec = codec
        self._last = b""

    def decode(self, payload: bytes) -> bytes:
        """PCM of one packet, 20 ms or whatever the sender puts into one; empty for rubbish."""
        try:
            pcm = b"".join(self._pieces(payload))
        except av.FFmpegError:
            return b""
        self._last = pcm[-frame_bytes(RATE) :]
        return pcm

    def hidden(self) -> bytes:
        """20 ms in place of a packet that did not come. Silence from the second on."""
        last, self._last = self._last, b""
        size = frame_bytes(RATE)
        if len(last) < size:
            return bytes(size)
        # its first sample is the last one that was heard, so that nothing clicks
        faded = np.frombuffer(last, "<i2")[::-1] * _FADE
        return faded.astype("<i2").tobytes()

    def _pieces(self, payload: bytes) -> Iterator[bytes]:
        for frame in self._codec.decode(av.Packet(payload)):
            yield bytes(frame.planes[0])[: frame.samples * 2]
