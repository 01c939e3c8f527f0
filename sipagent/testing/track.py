"""Track: one direction of a call's audio as it passed on the wire, and what can be read off it."""

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import audio, wideband
from .rtp import FRAME_SAMPLES, FRAME_SECONDS, Packet, unpack

#: RMS in 16-bit units above which a packet counts as speech; G.711 silence and comfort noise
#: stay well below, speech well above
SPEECH_LEVEL = 200.0
#: a timestamp this far (samples) from the arrival clock means that the sender's clock jumped
_JUMP = 8 * 150


#: when (perf_counter) and what
Passed = tuple[float, bytes]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of speech: arrival of its first packet, and the end of its last one."""

    start: float
    end: float


class Track:
    """Written by the media thread, read by the loop. `seconds` bounds what is kept.

    Kept are bytes and times, in plain tuples: a garbage collection that had to walk through
    every packet of a hundred calls would hold the media thread up.
    """

    def __init__(self, seconds: float | None = None) -> None:
        limit = None if seconds is None else int(seconds / FRAME_SECONDS)
        self._passed: deque[Passed] = deque(maxlen=limit)
        self._lock = threading.Lock()

    def add(self, passed: Iterable[Passed]) -> None:
        """Keep RTP packets as they were on the wire."""
        with self._lock:
            self._passed.extend(passed)

    def packets(self, since: float = 0.0) -> list[Packet]:
        """What passed from `since` (perf_counter) on, telephone events included."""
        with self._lock:
            kept = list(self._passed)
        read = (unpack(data, at) for at, data in kept if at >= since)
        return [packet for packet in read if packet is not None]

    def rms_since(self, since: float) -> float:
        """RMS (16-bit units) of the audio that passed from `since` on."""
        return audio.rms(b"".join(p.pcm for p in self.packets(since)))

    def spans(
        self, *, since: float = 0.0, threshold: float = SPEECH_LEVEL, join: float = 0.2
    ) -> list[Span]:
        """Stretches of speech; gaps shorter than `join` seconds do not part them."""
        found: list[Span] = []
        for packet in self.packets(since):
            if packet.level < threshold:
                continue
            end = packet.at + FRAME_SECONDS
            if found and packet.at - found[-1].end <= join:
                found[-1] = Span(found[-1].start, end)
            else:
                found.append(Span(packet.at, end))
        return found

    def onset(self, since: float = 0.0, threshold: float = SPEECH_LEVEL) -> float | None:
        """When the first packet with speech from `since` on passed."""
        return next((p.at for p in self.packets(since) if p.level >= threshold), None)

    def fell_silent(
        self, since: float, *, quiet: float = 0.2, threshold: float = SPEECH_LEVEL
    ) -> float | None:
        """When the speech that was going on at `since` ended: the arrival of its last loud
        packet plus that packet's 20 ms, before `quiet` seconds without speech. `since` itself
        when nobody spoke; None while the speech may still go on.
        """
        packets = self.packets()
        last = since
        for packet in packets:
            if packet.at < since:
                continue
            if packet.at - last > quiet:
                return last
            if packet.level >= threshold:
                last = packet.at + FRAME_SECONDS
        return last if packets and packets[-1].at - last > quiet else None

    def pcm(self, start: float | None = None, end: float | None = None) -> bytes:
        """The audio on one continuous timeline from `start` (the first packet's arrival) to
        `end` (the last one's). Packets lie where their RTP timestamps put them; what is missing
        is silence; a sender whose clock jumps is followed by arrival times.
        """
        packets = [p for p in self.packets() if p.codec]
        if not packets:
            return b""
        start = packets[0].at if start is None else start
        end = packets[-1].at + FRAME_SECONDS if end is None else end
        samples = np.zeros(max(0, round((end - start) * 8000)) + FRAME_SAMPLES, np.int16)
        anchor: tuple[int, int, int] | None = None  # ssrc, timestamp, position
        wide = wideband.Decoder()
        for packet in packets:
            position = round((packet.at - start) * 8000)
            if anchor is not None and anchor[0] == packet.ssrc:
                step = (packet.timestamp - anchor[1] + (1 << 31)) % (1 << 32) - (1 << 31)
                if abs(anchor[2] + step - position) < _JUMP:
                    position = anchor[2] + step
            anchor = (packet.ssrc, packet.timestamp, position)
            pcm = wideband.halved(wide.decode(packet.payload)) if _is_wide(packet) else packet.pcm
            _lay(samples, position, np.frombuffer(pcm, np.int16))
        return samples.tobytes()

    def wide_pcm(self, since: float = 0.0) -> bytes:
        """What passed as G.722 from `since` on, at 16 kHz, packet after packet."""
        wide = wideband.Decoder()
        return b"".join(wide.decode(p.payload) for p in self.packets(since) if _is_wide(p))

    def write_wav(self, path: Path) -> None:
        """The continuous timeline as a WAV file (8 kHz mono)."""
        audio.write_wav(path, self.pcm())


def _is_wide(packet: Packet) -> bool:
    return packet.codec == "G722"


def _lay(samples: audio.Samples, at: int, piece: audio.Samples) -> None:
    """Copy `piece` to `samples[at:]` as far as it fits."""
    piece = piece[max(0, -at) :]
    at = max(0, at)
    room = max(0, samples.size - at)
    samples[at : at + min(room, piece.size)] = piece[:room]
