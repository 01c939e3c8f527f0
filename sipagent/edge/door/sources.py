"""Sources: whom an address stands for, and whom we trust by address."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from sipagent.config import Network

#: addresses remembered, so that the usual ones cost nothing
_REMEMBERED = 8_192


def address_of(host: str) -> IPv4Address | IPv6Address:
    """An address of a socket; IPv4 in IPv6 is IPv4. Raises ValueError."""
    address = ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if isinstance(mapped, IPv4Address) else address


def within(address: IPv4Address | IPv6Address, networks: Iterable[Network]) -> bool:
    """True when one of the networks holds it."""
    return any(address.version == network.version and address in network for network in networks)


@lru_cache(maxsize=_REMEMBERED)
def _source_of_six(host: str) -> str:
    address = address_of(host)
    if address.version == 4:
        return str(address)
    return str(ip_network((address, 64), strict=False))


def source_of(host: str) -> str:
    """Who is counted: an IPv4 address, or an IPv6 /64, which is one subscriber's.

    Raises ValueError.
    """
    return _source_of_six(host) if ":" in host else host


class Known:
    """Networks, asked many times about the same hosts."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = tuple(networks)
        self._holds = lru_cache(maxsize=_REMEMBERED)(self._look)

    def __contains__(self, host: str) -> bool:
        return self._holds(host)

    def _look(self, host: str) -> bool:
        return within(address_of(host), self._networks)
