"""Vouched: whom a request comes from, where a trusted proxy in front of us says so."""

import re
from collections.abc import Iterable
from ipaddress import ip_address

import structlog

from sipagent.config import Network

from .counters import Counters
from .door.sources import Known
from .headers import Bad
from .listeners import LOOP, Peer
from .message import Message

_log = structlog.get_logger(__name__)
#: set by our own proxies, taken off whatever anybody else sends with it
SOURCE_HEADER = "X-Sipagent-Source"
_KEY = SOURCE_HEADER.lower().encode()
#: `192.0.2.1:5060;transport=udp`, `[2001:db8::1]:5060`
_SOURCE = re.compile(
    rb"(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9.]{7,15})):([0-9]{1,5})(?:;transport=([A-Za-z]{2,4}))?"
)


class Fronts:
    """The proxies in front. Nobody else's word for a source counts."""

    def __init__(self, networks: Iterable[Network], counters: Counters) -> None:
        self._trusted = Known(networks)
        self._counters = counters

    def source(self, request: Message, peer: Peer) -> Peer:
        """Who sent it to the proxy, or to us; the header is taken off. Raises Bad for one of a
        proxy that cannot be read.

        A proxy that says nothing speaks for itself, and from no port: at none of them is anybody
        registered.
        """
        values = [h.value for h in request.headers if h.key == _KEY]
        trusted = peer.flow != LOOP and peer.host in self._trusted
        if values:
            request.remove((_KEY,))
        if not trusted:
            if values and peer.flow != LOOP:
                self._counters.forged_source += 1
                _log.info("sip_source_forged", peer=str(peer))
            return peer
        if not values:
            return Peer(peer.flow, peer.host, 0)
        return _read(values, peer)


def _read(values: list[bytes], peer: Peer) -> Peer:
    match = _SOURCE.fullmatch(values[0].strip()) if len(values) == 1 else None
    if match is None or int(match[3]) > 65_535:
        raise Bad(f"malformed {SOURCE_HEADER}")
    host = (match[1] or match[2]).decode("ascii")
    try:
        ip_address(host)
    except ValueError:
        raise Bad(f"malformed {SOURCE_HEADER}") from None
    return Peer(peer.flow, host, int(match[3]))
