"""STUN: which address the world sees us at (RFC 8489, a binding request and its answer)."""

import asyncio
import secrets
import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from sipagent.errors import SipAgentError

from .desk import Address
from .headers import Bad

PORT = 3478
_COOKIE = 0x2112A442
_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_REQUEST, _SUCCESS, _FAILURE = 0x0001, 0x0101, 0x0111
_MAPPED, _ERROR_CODE, _XOR_MAPPED = 0x0001, 0x0009, 0x0020
#: seconds between repetitions double from here on (section 6.2.1)
_RTO = 0.5


class StunFailed(SipAgentError):
    """No address: no server, no answer, or one that makes no sense."""


@dataclass(frozen=True, slots=True)
class StunServer:
    """`stun:host[:port]` of the settings."""

    host: str
    port: int = PORT

    def __str__(self) -> str:
        """As in the settings, without the scheme."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def read_server(text: str) -> StunServer | None:
    """`stun:host`, `stun:host:port`, `stun:[address]:port`; None for anything else."""
    scheme, colon, rest = text.partition(":")
    if scheme != "stun" or not colon:
        return None
    host, _, port = rest.rpartition(":")
    if port.isdigit() and (host.startswith("[") or ":" not in host) and host:
        return StunServer(host.strip("[]"), int(port))
    return StunServer(rest.strip("[]"))


def binding_request(transaction: bytes) -> bytes:
    """`transaction` is 12 random bytes."""
    return _HEADER.pack(_REQUEST, 0, _COOKIE, transaction)


def read_answer(data: bytes, transaction: bytes) -> Address | None:
    """Where the request came from, as the server saw it; None for what is no answer to it.

    Raises Bad for an answer that refuses or cannot be read.
    """
    if len(data) < _HEADER.size:
        return None
    kind, length, cookie, known = _HEADER.unpack_from(data)
    if kind not in (_SUCCESS, _FAILURE) or cookie != _COOKIE or known != transaction:
        return None
    attributes = _attributes(data[_HEADER.size : _HEADER.size + length])
    if kind == _FAILURE:
        code = attributes.get(_ERROR_CODE, b"")
        raise Bad(f"it refused: {code[2] * 100 + code[3] if len(code) >= 4 else 'no reason given'}")
    if _XOR_MAPPED in attributes:
        return _address(attributes[_XOR_MAPPED], data[4:20])
    if _MAPPED in attributes:  # a server from before RFC 5389
        return _address(attributes[_MAPPED], bytes(16))
    raise Bad("its answer has no address")


def _attributes(data: bytes) -> dict[int, bytes]:
    """Raises Bad. The first of a kind counts (section 14)."""
    found: dict[int, bytes] = {}
    while len(data) >= _ATTRIBUTE.size:
        kind, length = _ATTRIBUTE.unpack_from(data)
        value = data[4 : 4 + length]
        if len(value) < length:
            raise Bad("its answer is cut off")
        found.setdefault(kind, value)
        data = data[4 + length + -length % 4 :]
    return found


def _address(value: bytes, mask: bytes) -> Address:
    """(Section 14.2.) `mask` is the cookie and the transaction, or zeros. Raises Bad."""
    size = {1: 4, 2: 16}.get(value[1] if len(value) > 1 else 0, 0)
    if not size or len(value) != 4 + size:
        raise Bad("its answer has no address that can be read")
    port = int.from_bytes(value[2:4], "big") ^ int.from_bytes(mask[:2], "big")
    raw = bytes(a ^ b for a, b in zip(value[4:], mask, strict=False))
    return str(IPv4Address(raw) if size == 4 else IPv6Address(raw)), port


async def public_address(server: StunServer, host: str, *, patience: float = 4.0) -> str:
    """The address the world sees for a socket on `host`. Raises StunFailed with the reason."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        async with asyncio.timeout(patience):
            found = await loop.getaddrinfo(
                server.host, server.port, family=family, type=socket.SOCK_DGRAM
            )
            with socket.socket(family, socket.SOCK_DGRAM) as wire:
                wire.setblocking(False)
                wire.bind((host, 0))
                wire.connect(found[0][4])
                return (await _asked(wire))[0]
    except TimeoutError:
        raise StunFailed(f"STUN server {server} did not answer in {patience:g} s") from None
    except OSError as error:
        raise StunFailed(f"STUN server {server}: {error.strerror or error}") from error
    except Bad as bad:
        raise StunFailed(f"STUN server {server}: {bad.reason}") from bad


async def _asked(wire: socket.socket) -> Address:
    """Ask, again at growing intervals, until an answer to it comes. Raises Bad, OSError."""
    loop = asyncio.get_running_loop()
    transaction = secrets.token_bytes(12)
    wait = _RTO
    while True:
        await loop.sock_sendall(wire, binding_request(transaction))
        try:
            async with asyncio.timeout(wait):
                while True:
                    address = read_answer(await loop.sock_recv(wire, 2048), transaction)
                    if address is not None:
                        return address
        except TimeoutError:
            wait *= 2
