"""Which of our own addresses the world sees: the one that is set, or that the default route leaves
from.
"""

import socket
from ipaddress import ip_address

from .desk import Address

#: documentation addresses (RFC 5737, RFC 3849): no host has them, so the default route is meant
_SOMEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


def route_address(host: str) -> str:
    """The source address of the default route, of the family of `host`; nothing is sent.

    A `host` that is no wildcard says it itself; without a route it is `host` too.
    """
    try:
        family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
        if not ip_address(host).is_unspecified:
            return host
    except ValueError:
        return host
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((_SOMEWHERE[family], 9))
        except OSError:
            return host
        found: str = probe.getsockname()[0]
        return found


def told_address(configured: str | None, bound: Address) -> Address:
    """`host[:port]`, IPv6 in brackets where a port follows; `auto` asks the default route."""
    if configured is None or configured == "auto":
        return route_address(bound[0]), bound[1]
    host, colon, port = configured.rpartition(":")
    if not colon or not port.isdigit() or (":" in host and not host.startswith("[")):
        return configured.strip("[]"), bound[1]
    return host.strip("[]"), int(port)
