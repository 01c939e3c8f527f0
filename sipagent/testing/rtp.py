"""RTP packets: header, telephone events, and figures of how they arrived (RFC 3550, RFC 4733)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from . import audio

FRAME_SAMPLES = 160
FRAME_SECONDS = 0.020
KEYS = "0123456789*#ABCD"

_HEADER = struct.Struct("!BBHII")
_EVENT = struct.Struct("!BBH")
_CODECS = {0: "PCMU", 8: "PCMA", 9: "G722"}
#: payload types that RTCP packet types 200-204 look like (RFC 5761 section 4)
_RTCP = range(72, 77)


class Packet(NamedTuple):
    """One RTP packet and when it passed: `time.perf_counter()` seconds."""

    at: float
    seq: int
    timestamp: int
    ssrc: int
    payload_type: int
    payload: bytes

    @property
    def codec(self) -> str | None:
        """PCMU, PCMA, G722, or None for a telephone event and what we do not speak."""
        return _CODECS.get(self.payload_type)

    @property
    def pcm(self) -> bytes:
        """The decoded samples (s16le, 8 kHz); empty for what is not audio."""
        return audio.decode(self.codec, self.payload) if self.codec else b""

    @property
    def level(self) -> float:
        """RMS in 16-bit units; 0 for what is not audio."""
        return audio.level(self.codec, self.payload) if self.codec else 0.0


def pack(payload_type: int, seq: int, timestamp: int, ssrc: int, payload: bytes) -> bytes:
    """Write a packet; the marker bit travels in `payload_type` as 128."""
    return _HEADER.pack(0x80, payload_type, seq, timestamp, ssrc) + payload


def unpack(data: bytes, at: float) -> Packet | None:
    """Read a packet; None for RTCP and for what is no RTP at all."""
    if len(data) < 12 or data[0] >> 6 != 2:
        return None
    first, second, seq, timestamp, ssrc = _HEADER.unpack_from(data)
    if second & 0x7F in _RTCP:
        return None
    start, end = 12, len(data)
    if first & 0x2F:
        start += 4 * (first & 0x0F)
        if first & 0x10 and end >= start + 4:
            start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
        if first & 0x20:
            end -= data[-1]
    return Packet(at, seq, timestamp, ssrc, second & 0x7F, data[start:end])


class Event(NamedTuple):
    """The payload of one telephone-event packet."""

    key: str
    end: bool
    duration: int


def event(payload: bytes) -> Event | None:
    """Read a telephone event; None when it is no key."""
    if len(payload) < 4 or payload[0] >= len(KEYS):
        return None
    number, flags, duration = _EVENT.unpack_from(payload)
    return Event(KEYS[number], bool(flags & 0x80), duration)


#: in place of a telephone event's payload: its packet was sent, and lost on the way
LOST = b"lost"


def events(key: str, milliseconds: int = 100) -> Iterator[bytes]:
    """The payloads of one pressed key, 20 ms apart; the last comes three times (section 2.5.1.4).

    Raises ValueError when there is no such key.
    """
    number = KEYS.index(key.upper())
    frames = max(1, milliseconds // 20)
    for frame in range(1, frames + 1):
        yield _EVENT.pack(number, 10, frame * FRAME_SAMPLES)
    for _ in range(3):
        yield _EVENT.pack(number, 0x80 | 10, frames * FRAME_SAMPLES)


@dataclass(slots=True)
class Reception:
    """How a stream arrived, counted packet by packet. Times are milliseconds.

    A packet is late when it came more than 40 ms after its predecessor in sequence though the
    sender's own clock says it was due; a pause the sender made on purpose is not lateness.
    """

    packets: int = 0
    lost: int = 0
    duplicates: int = 0
    reordered: int = 0
    late: int = 0
    longest_gap_ms: float = 0.0
    jitter_ms: float = 0.0

    def count(self, packet: Packet, before: Packet | None) -> None:
        """Count `packet`; `before` is the one with the highest number so far, None at first."""
        self.packets += 1
        if before is None or before.ssrc != packet.ssrc:
            return
        step = (packet.seq - before.seq) & 0xFFFF
        if step == 0:
            self.duplicates += 1
        elif step > 0x8000:
            self.reordered += 1
            self.lost = max(0, self.lost - 1)
        else:
            self.lost += step - 1
            self._time(packet, before, step)

    def _time(self, packet: Packet, before: Packet, step: int) -> None:
        gap = 1000 * (packet.at - before.at)
        due = ((packet.timestamp - before.timestamp) & 0xFFFFFFFF) / 8
        if packet.codec is None or before.codec is None or due > 1000:
            return
        self.longest_gap_ms = max(self.longest_gap_ms, gap)
        self.jitter_ms += (abs(gap - due) - self.jitter_ms) / 16  # RFC 3550 section 6.4.1
        if step == 1 and gap > 40 and gap > due + 20:
            self.late += 1
