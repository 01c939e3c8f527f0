"""LineAudio: the call's frames as a realtime vendor takes them, and its sound as the call does."""

from dataclasses import dataclass
from typing import Literal

from sipagent.media.g711 import G711, decode, encode
from sipagent.media.resample import Resampler

#: how audio goes over the connection: the bytes of a G.711 line, or s16le
Encoding = Literal["pcmu", "pcma", "pcm"]
_CODECS: dict[Encoding, G711] = {"pcmu": "PCMU", "pcma": "PCMA"}
G711_RATE = 8_000


@dataclass(frozen=True, slots=True)
class Format:
    """An encoding and its rate in Hz."""

    encoding: Encoding
    rate: int

    @property
    def bytes_per_second(self) -> int:
        """Of mono sound."""
        return self.rate if self.encoding in _CODECS else self.rate * 2


class LineAudio:
    """One direction each way, between the call's rate and a format. Of G.711 at 8000 Hz the bytes
    of the line arrive unchanged: decoding and encoding undo each other.
    """

    def __init__(self, rate: int, out: Format, back: Format) -> None:
        """`rate` is the call's in Hz, `out` what the vendor takes, `back` what it sends."""
        self._out, self._back = out, back
        self._upward = Resampler(rate, out.rate)
        self._downward = Resampler(back.rate, rate)
        self._half = b""

    def to_vendor(self, pcm: bytes) -> bytes:
        """s16le of the call, encoded."""
        raw = self._upward.feed(pcm)
        codec = _CODECS.get(self._out.encoding)
        return encode(codec, raw) if codec else raw

    def to_call(self, data: bytes) -> bytes:
        """Sound of the vendor as s16le of the call; half a sample waits for its other half."""
        codec = _CODECS.get(self._back.encoding)
        if codec:
            return self._downward.feed(decode(codec, data))
        data = self._half + data
        whole = len(data) & ~1
        self._half = data[whole:]
        return self._downward.feed(data[:whole])
