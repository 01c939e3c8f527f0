"""RTP taps: a call's audio as one stream of RTP packets (RFC 3550, RFC 3551)."""

import asyncio
import secrets
import struct
from collections.abc import AsyncIterator

import numpy as np

from sipagent.call.tap_uri import TapUri
from sipagent.call.tap_wires import TapOrder, Track
from sipagent.errors import CallError

from .tap_frames import RATE, Packetiser

_PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8}
#: a track that is this far behind the other one (ms) no longer holds it up
_SKEW_MS = 60


class RtpTap:
    """A `TapWire`. Two tracks are mixed, frame by frame of the media clock. Nobody has to listen:
    a refusal by ICMP is counted as dropped, as RTP has no other way to say no.
    """

    def __init__(self, order: TapOrder) -> None:
        self._packets = Packetiser(order)
        self._mixer = _Mixer(len(order.tracks))
        self._header = struct.Struct("!BBHII")
        self._payload_type = _PAYLOAD_TYPES[order.codec]
        self._ticks = RATE * order.ptime // 1000
        self._ssrc = secrets.randbits(32)
        self._seq = secrets.randbits(16)
        self._timestamp = secrets.randbits(32)
        self._sent = self._dropped = 0
        self._wire: asyncio.DatagramTransport | None = None
        self._over = asyncio.Event()

    @classmethod
    async def open(cls, order: TapOrder) -> "RtpTap":
        """A tap on a socket of its own. Raises CallError where the host has no address."""
        tap = cls(order)
        uri = TapUri.parse(order.uri)
        loop = asyncio.get_running_loop()
        try:
            tap._wire, _ = await loop.create_datagram_endpoint(
                lambda: _Ignoring(tap), remote_addr=(uri.host, uri.port)
            )
        except OSError as error:
            raise CallError(f"{order.uri}: {error.strerror or error}") from error
        return tap

    def send(self, track: Track, pcm: bytes, t: int) -> None:
        """See `TapWire`."""
        for mixed in self._mixer.add(track, pcm, t):
            for payload in self._packets.feed(mixed):
                self._packet(payload)

    async def received(self) -> AsyncIterator[bytes | None]:
        """Nothing comes back over RTP."""
        nothing: tuple[bytes, ...] = ()
        await self._over.wait()
        for pcm in nothing:
            yield pcm

    async def failed(self) -> str:
        """See `TapWire`: it never is."""
        await self._over.wait()
        return "closed"

    async def close(self) -> tuple[int, int]:
        """See `TapWire`."""
        self._over.set()
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        return self._sent, self._dropped

    def refused(self) -> None:
        """The far end said (by ICMP) that nobody listens."""
        self._dropped += 1

    def _packet(self, payload: bytes) -> None:
        if self._wire is None:
            return
        # the first packet begins a talkspurt (RFC 3551 section 4.1)
        marker = 0x80 if self._sent == 0 else 0
        header = self._header.pack(
            0x80, marker | self._payload_type, self._seq, self._timestamp, self._ssrc
        )
        self._wire.sendto(header + payload)
        self._sent += 1
        self._seq = (self._seq + 1) & 0xFFFF
        self._timestamp = (self._timestamp + self._ticks) & 0xFFFFFFFF


class _Ignoring(asyncio.DatagramProtocol):
    """What comes back is nothing we asked for."""

    def __init__(self, tap: RtpTap) -> None:
        self._tap = tap

    def error_received(self, exc: Exception) -> None:
        """ICMP."""
        self._tap.refused()


class _Mixer:
    """Tracks in, their sum out, in order of the media clock; a gap of all tracks is silence."""

    def __init__(self, tracks: int) -> None:
        self._tracks = tracks
        self._waiting: dict[int, dict[Track, bytes]] = {}
        self._next: int | None = None

    def add(self, track: Track, pcm: bytes, t: int) -> list[bytes]:
        """The frames that are whole now, or can wait no longer."""
        if self._next is None:
            self._next = t
        if t < self._next:
            return []
        self._waiting.setdefault(t, {})[track] = pcm
        done = []
        while self._ready(t):
            heard = self._waiting.pop(self._next, {})
            done.append(_sum(list(heard.values())) if heard else bytes(len(pcm)))
            self._next += 20
        return done

    def _ready(self, newest: int) -> bool:
        assert self._next is not None
        if len(self._waiting.get(self._next, ())) == self._tracks:
            return True
        return self._next <= newest - _SKEW_MS


def _sum(heard: list[bytes]) -> bytes:
    if len(heard) == 1:
        return heard[0]
    total = np.sum([np.frombuffer(pcm, "<i2") for pcm in heard], axis=0, dtype=np.int32)
    mixed: bytes = np.clip(total, -32_768, 32_767).astype("<i2").tobytes()
    return mixed
