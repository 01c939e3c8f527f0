"""Sources: whom an address stands for, and whom we trust by address.

Addresses here are bytes: a flood from forged ones asks about a new one with every message.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import AF_INET, AF_INET6, inet_aton, inet_ntop, inet_pton

from sipagent.config import Network

#: addresses remembered, so that the usual ones cost nothing
_REMEMBERED = 8_192
_MAPPED = bytes(10) + b"\xff\xff"


def address_of(host: str) -> IPv4Address | IPv6Address:
    """An address of a socket; IPv4 in IPv6 is IPv4. Raises ValueError."""
    address = ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if isinstance(mapped, IPv4Address) else address


def within(address: IPv4Address | IPv6Address, networks: Iterable[Network]) -> bool:
    """True when one of the networks holds it."""
    return any(address.version == network.version and address in network for network in networks)


def _packed(host: str) -> bytes:
    """4 or 16 bytes; IPv4 in IPv6 is IPv4. Raises OSError."""
    if ":" not in host:
        return inet_aton(host)
    six = inet_pton(AF_INET6, host.partition("%")[0])
    return six[12:] if six.startswith(_MAPPED) else six


def source_of(host: str) -> str:
    """Who is counted: an IPv4 address, or an IPv6 /64, which is one subscriber's.

    `host` is an address of a socket. Raises OSError.
    """
    if ":" not in host:
        return host
    packed = _packed(host)
    if len(packed) == 4:
        return inet_ntop(AF_INET, packed)
    return inet_ntop(AF_INET6, packed[:8] + bytes(8)) + "/64"


class Known:
    """Networks, asked many times about the same hosts."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = [
            (len(n.network_address.packed), int(n.network_address), int(n.netmask))
            for n in networks
        ]
        self._holds = lru_cache(maxsize=_REMEMBERED)(self._look)

    def __contains__(self, host: str) -> bool:
        return self._holds(host)

    def _look(self, host: str) -> bool:
        packed = _packed(host)
        size, value = len(packed), int.from_bytes(packed, "big")
        return any(s == size and value & mask == net for s, net, mask in self._networks)
