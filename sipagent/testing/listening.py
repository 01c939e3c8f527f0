"""Waiting for the far end to speak or to fall silent, decided packet by packet."""

from collections.abc import Sequence
from typing import Protocol

from .rtp import FRAME_SECONDS, Packet
from .track import SPEECH_LEVEL


class Watch(Protocol):
    """Looks at what arrives until it has seen enough."""

    def look(self, packets: Sequence[Packet], now: float) -> float | None:
        """What arrived since the last look; the time (perf_counter) it was waiting for."""
        ...


class SpeechWatch:
    """Speech began: `packets` loud ones in a row. Its time is the arrival of the first."""

    def __init__(self, *, threshold: float = SPEECH_LEVEL, packets: int = 2) -> None:
        self._threshold = threshold
        self._needed = packets
        self._loud: list[float] = []

    def look(self, packets: Sequence[Packet], now: float) -> float | None:
        """See `Watch`."""
        for packet in packets:
            if packet.codec is None:
                continue
            if packet.level >= self._threshold:
                self._loud.append(packet.at)
            else:
                self._loud.clear()
            if len(self._loud) >= self._needed:
                return self._loud[0]
        return None


class SilenceWatch:
    """Nothing loud for `seconds`, RTP or none. Its time is when the silence began."""

    def __init__(self, seconds: float, began: float, *, threshold: float = SPEECH_LEVEL) -> None:
        self._seconds = seconds
        self._threshold = threshold
        self._quiet_from = began

    def look(self, packets: Sequence[Packet], now: float) -> float | None:
        """See `Watch`."""
        for packet in packets:
            if packet.at - self._quiet_from >= self._seconds:
                return self._quiet_from
            if packet.level >= self._threshold:
                self._quiet_from = packet.at + FRAME_SECONDS
        # a tick reads what came up to 20 ms ago, so only then is the past complete
        return self._quiet_from if now - self._quiet_from >= self._seconds + FRAME_SECONDS else None
