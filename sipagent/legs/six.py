"""IPv6 media for a native stack compiled without it: a relay for RTP, a translator for SDP.

The published wheel knows AF_INET only. So a worker that serves IPv6 peers stands between the edge
and its own stack: signalling passes through two loopback sockets, and where a session description
names an IPv6 address, four more carry its RTP and RTCP across.
"""

import asyncio
import random
import socket
from collections.abc import Callable

import structlog

from .six_text import Address, Text

_log = structlog.get_logger(__name__)
_LARGEST = 65_535
_AT_ONCE = 32
#: seconds without a packet after which another source may take over
_LATCH = 0.5
_TRIES = 100

Hear = Callable[[bytes, Address], None]


class _Socket:
    """A bound datagram socket that hands up what it hears, once told to listen."""

    def __init__(self, address: Address, hear: Hear) -> None:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self._socket.bind(address)
        except OSError:
            self._socket.close()
            raise
        self.local: Address = self._socket.getsockname()[:2]
        self._hear = hear
        self._loop = asyncio.get_running_loop()

    def listen(self) -> None:
        """Begin; what came before waits in the kernel."""
        self._loop.add_reader(self._socket, self._readable)

    def send(self, data: bytes, to: Address) -> None:
        """Send; what cannot be sent is lost, as on any network."""
        try:
            self._socket.sendto(data, to)
        except OSError:
            return

    def close(self) -> None:
        """Stop. Idempotent."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _readable(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                data, source = self._socket.recvfrom(_LARGEST)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error of an earlier send
                continue
            self._hear(data, source[:2])


class _Strand:
    """RTP or RTCP of one leg: `outer` faces the IPv6 peer, `inner` the native stack."""

    def __init__(self, outer: Address, inner: Address) -> None:
        self.outer = _Socket(outer, self._from_peer)
        try:
            self.inner = _Socket(inner, lambda data, _: self._to_peer(data))
        except OSError:
            self.outer.close()
            raise
        self.peer: Address | None = None
        self.stack: Address | None = None
        #: where the last packet of the peer came from
        self.source: Address | None = None
        self._heard = 0.0
        self.outer.listen()
        self.inner.listen()

    def close(self) -> None:
        self.outer.close()
        self.inner.close()

    def _from_peer(self, data: bytes, source: Address) -> None:
        now = asyncio.get_running_loop().time()
        if source != self.source and now - self._heard < _LATCH:
            return  # a stranger, while the peer itself is heard
        self.source, self._heard = source, now
        if self.stack is not None:
            self.inner.send(data, self.stack)

    def _to_peer(self, data: bytes) -> None:
        to = self.source or self.peer
        if to is not None:
            self.outer.send(data, to)


class Relay:
    """The media of one leg. `host` is our IPv6 address, `stack` the stack's own."""

    def __init__(self, host: str, stack: str, ports: range) -> None:
        self.rtp, self.rtcp = _pair(host, stack, ports)

    @property
    def described(self) -> Address | None:
        """Where the peer's session description says it is."""
        return self.rtp.peer

    @property
    def source(self) -> Address | None:
        """Where its last packet came from."""
        return self.rtp.source

    @property
    def ours(self) -> Address:
        """What we tell the peer."""
        return self.rtp.outer.local

    @property
    def for_stack(self) -> Address:
        """What we tell the stack."""
        return self.rtp.inner.local

    def peer_at(self, address: Address) -> None:
        """The peer said where it is."""
        host, port = address
        self.rtp.peer, self.rtcp.peer = address, (host, port + 1)
        self.rtp.source = self.rtcp.source = None

    def stack_at(self, port: int) -> None:
        """The stack said where it is."""
        host = self.rtp.inner.local[0]
        self.rtp.stack, self.rtcp.stack = (host, port), (host, port + 1)

    def close(self) -> None:
        """Free the ports."""
        self.rtp.close()
        self.rtcp.close()


def _pair(host: str, stack: str, ports: range) -> tuple[_Strand, _Strand]:
    """RTP on an even port of the range and RTCP above it, on both sides. Raises OSError."""
    for _ in range(_TRIES):
        port = random.choice(ports) & ~1  # noqa: S311 - spreads ports, guards nothing
        try:
            rtp = _Strand((host, port), (stack, port))
        except OSError:
            continue
        try:
            return rtp, _Strand((host, port + 1), (stack, port + 1))
        except OSError:
            rtp.close()
    raise OSError("no free pair of ports in the RTP range")


class SixGate:
    """Stands between `edge` and the stack at `stack`; each takes it for the other.

    `host` is where IPv6 media is received, `media` the address the stack binds for its own.
    """

    def __init__(self, edge: Address, stack: Address, *, host: str, media: str, ports: range):
        self._edge, self._stack = edge, stack
        self._host = host
        self._media = "127.0.0.1" if media == "0.0.0.0" else media  # noqa: S104 - compared only
        self._ports = ports
        #: the edge's worker, and the stack's edge
        self.outer = _Socket(("127.0.0.1", 0), self._from_edge)
        self.inner = _Socket(("127.0.0.1", 0), self._from_stack)
        inwards = {edge: self.inner.local, self.outer.local: stack}
        self._inwards = {_text(old): _text(new) for old, new in inwards.items()}
        self._outwards = {new: old for old, new in self._inwards.items()}
        self._relays: dict[bytes, Relay] = {}

    def open(self) -> None:
        """Let signalling through."""
        self.outer.listen()
        self.inner.listen()

    def relay(self, sip_call_id: str) -> Relay | None:
        """The relay of a leg, if it has one."""
        return self._relays.get(sip_call_id.encode())

    def ended(self, sip_call_id: str) -> None:
        """The leg is over: free its ports."""
        relay = self._relays.pop(sip_call_id.encode(), None)
        if relay is not None:
            relay.close()

    def _from_edge(self, data: bytes, source: Address) -> None:
        if source == self._edge:
            self._carried(self._inward, data)

    def _from_stack(self, data: bytes, source: Address) -> None:
        if source == self._stack:
            self._carried(self._outward, data)

    def _carried(self, way: Callable[[Text], None], data: bytes) -> None:
        try:
            way(Text.of(data))
        except OSError as error:  # the far end hears nothing, and gives up
            _log.error("no_ipv6_media", cause=str(error))

    def _inward(self, told: Text) -> None:
        text = told.renamed(self._inwards)
        media = text.media
        if media is not None and ":" in media[0]:
            relay = self._relay_of(text)
            relay.peer_at(media)
            text = text.moved(*relay.for_stack)
        elif media is None and text.begins and text.from_ipv6:
            self._relay_of(text)  # the offer will be ours
        self.inner.send(bytes(text), self._stack)

    def _outward(self, told: Text) -> None:
        text = told.renamed(self._outwards)
        media = text.media
        relay = self._relays.get(text.call_id)
        if relay is None and media is not None and text.begins and text.to_ipv6:
            relay = self._relay_of(text)
        if relay is not None and media is not None:
            relay.stack_at(media[1])
            text = text.moved(*relay.ours)
        self.outer.send(bytes(text), self._edge)

    def _relay_of(self, text: Text) -> Relay:
        relay = self._relays.get(text.call_id)
        if relay is None:
            relay = Relay(self._host, self._media, self._ports)
            self._relays[text.call_id] = relay
        return relay


def _text(address: Address) -> bytes:
    return f"{address[0]}:{address[1]}".encode()
