"""Packets of HEPv3, "EEP": chunks behind a header of six bytes (the HEP/EEP protocol, rev. 12)."""

import socket
import struct
from dataclasses import dataclass
from enum import IntEnum

from ..desk import Address

_MAGIC = b"HEP3"
#: vendor 0: the chunks every reader knows
_CHUNK = struct.Struct("!HHH")
_UDP, _TCP = 17, 6
#: what the two bytes of a length can say
_MOST = 65_535


class Payload(IntEnum):
    """What a packet holds (chunk 11)."""

    SIP = 1
    #: as JSON, one report in the shape of an RTCP packet
    RTCP = 5
    #: as JSON, with what RTCP does not say: MOS among it
    QUALITY = 34
    LOG = 100


class Chunk(IntEnum):
    """The generic chunks we write."""

    FAMILY = 1
    PROTOCOL = 2
    SOURCE_4 = 3
    DESTINATION_4 = 4
    SOURCE_6 = 5
    DESTINATION_6 = 6
    SOURCE_PORT = 7
    DESTINATION_PORT = 8
    SECONDS = 9
    MICROSECONDS = 10
    PAYLOAD_TYPE = 11
    CAPTURE_ID = 12
    KEY = 14
    PAYLOAD = 15
    CORRELATION = 17


@dataclass(frozen=True, slots=True)
class Way:
    """From where to where a message went. `transport` is its name in Via."""

    transport: str
    source: Address
    destination: Address


@dataclass(frozen=True, slots=True)
class Agent:
    """Who we are to the capture server."""

    capture_id: int
    key: bytes = b""


@dataclass(frozen=True, slots=True)
class Told:
    """One message: `at` is microseconds since 1970, `correlation` what its call is known by."""

    kind: Payload
    way: Way
    at: int
    correlation: bytes
    payload: bytes


def packet(agent: Agent, told: Told) -> bytes:
    """Raises ValueError where it would be too large for HEP, or an address is none."""
    way = told.way
    version = 6 if ":" in way.source[0] else 4
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    try:
        source, destination = (
            socket.inet_pton(family, end[0].partition("%")[0])
            for end in (way.source, way.destination)
        )
    except OSError as error:
        raise ValueError(f"{way.source[0]} or {way.destination[0]} is no address") from error
    carried = _UDP if way.transport.upper() == "UDP" else _TCP
    seconds, rest = divmod(told.at, 1_000_000)
    chunks = [
        _chunk(Chunk.FAMILY, bytes((family,))),
        _chunk(Chunk.PROTOCOL, bytes((carried,))),
        _chunk(Chunk.SOURCE_6 if version == 6 else Chunk.SOURCE_4, source),
        _chunk(Chunk.DESTINATION_6 if version == 6 else Chunk.DESTINATION_4, destination),
        _chunk(Chunk.SOURCE_PORT, way.source[1].to_bytes(2)),
        _chunk(Chunk.DESTINATION_PORT, way.destination[1].to_bytes(2)),
        _chunk(Chunk.SECONDS, seconds.to_bytes(4)),
        _chunk(Chunk.MICROSECONDS, rest.to_bytes(4)),
        _chunk(Chunk.PAYLOAD_TYPE, bytes((told.kind,))),
        _chunk(Chunk.CAPTURE_ID, agent.capture_id.to_bytes(4)),
    ]
    if agent.key:
        chunks.append(_chunk(Chunk.KEY, agent.key))
    if told.correlation:
        chunks.append(_chunk(Chunk.CORRELATION, told.correlation))
    chunks.append(_chunk(Chunk.PAYLOAD, told.payload))
    body = b"".join(chunks)
    size = len(_MAGIC) + 2 + len(body)
    if size > _MOST:
        raise ValueError(f"a message of {len(told.payload)} bytes does not fit into HEP")
    return _MAGIC + size.to_bytes(2) + body


def _chunk(kind: Chunk, value: bytes) -> bytes:
    size = _CHUNK.size + len(value)
    if size > _MOST:
        raise ValueError(f"a message of {len(value)} bytes does not fit into HEP")
    return _CHUNK.pack(0, kind, size) + value
