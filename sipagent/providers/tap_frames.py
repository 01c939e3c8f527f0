"""What a tap sends, cut to size: frames of a call as G.711 pieces of one packet time."""

from sipagent.call.tap_wires import TapOrder
from sipagent.media.g711 import encode
from sipagent.media.resample import Resampler

RATE = 8000


class Packetiser:
    """One track: 20 ms frames in, payloads of `ptime` ms out."""

    def __init__(self, order: TapOrder) -> None:
        self._codec = order.codec
        self._size = RATE * order.ptime // 1000
        self._resampler = Resampler(order.rate, RATE)
        self._rest = b""

    def feed(self, pcm: bytes) -> list[bytes]:
        """The payloads that are full now."""
        self._rest += encode(self._codec, self._resampler.feed(pcm))
        full = []
        while len(self._rest) >= self._size:
            full.append(self._rest[: self._size])
            self._rest = self._rest[self._size :]
        return full
