"""G.722 for the test phone: 16 kHz audio in 64 kbit/s, by FFmpeg's codec (ITU-T G.722)."""

import av
import numpy as np

#: sample rate; the RTP clock says 8000 all the same (RFC 3551 section 4.5.2)
RATE = 16_000


class Encoder:
    """Adaptive: what it makes of a frame depends on those before."""

    def __init__(self) -> None:
        self._context = av.AudioCodecContext.create("g722", "w")
        self._context.sample_rate = RATE
        self._context.layout = "mono"
        self._context.format = "s16"

    def encode(self, pcm: bytes) -> bytes:
        """20 ms of s16le at 16 kHz as 160 bytes."""
        frame = av.AudioFrame.from_ndarray(
            np.frombuffer(pcm, "<i2").reshape(1, -1), format="s16", layout="mono"
        )
        frame.sample_rate = RATE
        return b"".join(bytes(packet) for packet in self._context.encode(frame))


class Decoder:
    """Adaptive, as the encoder."""

    def __init__(self) -> None:
        self._context = av.AudioCodecContext.create("g722", "r")
        self._context.sample_rate = RATE
        self._context.layout = "mono"

    def decode(self, payload: bytes) -> bytes:
        """A payload as s16le at 16 kHz."""
        frames = self._context.decode(av.Packet(payload))
        return b"".join(frame.to_ndarray().astype("<i2").tobytes() for frame in frames)


def doubled(pcm: bytes) -> bytes:
    """s16le at 8 kHz as 16 kHz; good enough for a voice."""
    narrow = np.frombuffer(pcm, "<i2").astype(np.float64)
    at = np.arange(2 * narrow.size) / 2
    return np.interp(at, np.arange(narrow.size), narrow).astype("<i2").tobytes()


def halved(pcm: bytes) -> bytes:
    """s16le at 16 kHz as 8 kHz; good enough for a level."""
    wide = np.frombuffer(pcm, "<i2").astype(np.int32)
    means = wide.reshape(-1, 2).sum(axis=1) // 2
    return bytes(means.astype("<i2").tobytes())
