"""Sockets of the front door: UDP, connections, and the short cut from our address to itself."""

import asyncio
import itertools
import os
import socket
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

import structlog

from sipagent.config import Listener

from .acceptor import Acceptor, Gate, Handshake
from .counters import Counters
from .desk import Address
from .stream import Connection, StreamConnection
from .timers import Timers
from .tls import Tls
from .websocket import WebSocketConnection

_log = structlog.get_logger(__name__)

#: the flow of messages that never leave us: a worker calls a number of our own
LOOP = 0
_DATAGRAMS_A_TURN = 64
_RECEIVE_BUFFER = 4 << 20


class Peer(NamedTuple):
    """Where a message came from or goes to. `flow` names the socket or the connection."""

    flow: int
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


Receive = Callable[[bytes, Peer], None]


A = TypeVar("A")


def shielded(receive: Callable[[bytes, A], None], counters: Counters) -> Callable[[bytes, A], None]:
    """`receive` at the edge of the process: no packet may end it, whatever bug it meets."""

    def shield(data: bytes, source: A) -> None:
        try:
            receive(data, source)
        except Exception:
            counters.exceptions += 1
            _log.exception("sip_receive_failed", source=str(source))

    return shield


class Flow(Protocol):
    """A socket or connection."""

    @property
    def transport(self) -> str:
        """The name in Via: UDP, TCP, TLS, WS, WSS."""
        ...

    @property
    def local(self) -> Address:
        """Our own end."""
        ...

    def send(self, data: bytes, to: Address) -> None:
        """Send one message; what cannot be sent is lost, as on any network."""
        ...

    def close(self) -> None:
        """Stop."""
        ...


class UdpSocket:
    """One bound datagram socket on the running loop."""

    transport = "UDP"

    def __init__(
        self, host: str, port: int, receive: Callable[[bytes, Address], None], counters: Counters
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        if family == socket.AF_INET6:  # "::" beside "0.0.0.0" on one port
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self.local: Address = self._socket.getsockname()[:2]
        self._receive = receive
        self._counters = counters
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._readable)

    def send(self, data: bytes, to: Address) -> None:
        """Send a datagram; a full socket buffer or an unreachable network loses it."""
        try:
            self._socket.sendto(data, to)
        except OSError as error:
            self._counters.send_failed += 1
            _log.debug("sip_send_failed", to=to, error=str(error))

    def close(self) -> None:
        """Stop. Idempotent."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _readable(self) -> None:
        for _ in range(_DATAGRAMS_A_TURN):
            try:
                data, address = self._socket.recvfrom(65_535)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error of an earlier send
                continue
            if data.strip(b"\r\n\0 "):  # else a keep-alive that only wants to be sent
                self._receive(data, address[:2])
            if self._socket.fileno() < 0:
                return


@dataclass(slots=True)
class _Loopback:
    """Our own address as seen from inside: what is sent arrives in the next turn of the loop."""

    local: Address
    receive: Callable[[bytes, Address], None]
    transport: str = "UDP"

    def send(self, data: bytes, to: Address) -> None:
        """Deliver to ourselves."""
        asyncio.get_running_loop().call_soon(self.receive, data, self.local)

    def close(self) -> None:
        """Nothing is held."""


class Listeners:
    """All public sockets and connections, each with a flow number (RFC 3261 section 18)."""

    def __init__(
        self,
        receive: Receive,
        counters: Counters,
        timers: Timers,
        tls: Tls,
        gate: Gate,
        *,
        max_message: int,
    ) -> None:
        self._receive = shielded(receive, counters)
        self._counters = counters
        self._timers = timers
        self._tls = tls
        self._gate = gate
        self._max_message = max_message
        #: of connections: never those of a process before us, which may stand in a dialog yet
        self._numbers = itertools.count(int(time.time()) << 20)
        self._flows: dict[int, Flow] = {}
        #: where requests go that name no connection: transport, host and port to number
        self._connections: dict[tuple[str, str, int], int] = {}
        self._acceptors: list[Acceptor] = []
        self.bound: list[tuple[str, Address]] = []
        #: told of every host a request goes to
        self.on_request: Callable[[str], None] = lambda host: None
        #: told of every message that leaves, by which flow, and where to
        self.on_sent: Callable[[bytes, Flow, Peer], None] | None = None

    def open(self, listeners: Iterable[Listener]) -> None:
        """Bind them in order. Raises OSError, whose `filename` is the socket that cannot be had."""
        for listener in listeners:
            try:
                self._open(listener)
            except OSError as error:
                place = f"{listener.transport} {listener.host}:{listener.port}"
                reason = str(error.strerror or error)
                if error.errno and not isinstance(error, socket.gaierror):
                    reason = os.strerror(error.errno)  # asyncio's own words are long
                raise OSError(error.errno, reason, place) from error

    def _open(self, listener: Listener) -> None:
        if listener.transport == "udp":
            flow = self._open_udp(listener.host, listener.port)
            self.bound.append(("UDP", flow.local))
            return
        secure = listener.transport in ("tls", "wss")
        acceptor = Acceptor(
            listener.host,
            listener.port,
            partial(self._accept, listener),
            self._gate,
            Handshake(self._tls.listening, self._timers.reach) if secure else None,
        )
        self._acceptors.append(acceptor)
        self.bound.append((listener.transport.upper(), acceptor.local))

    def _open_udp(self, host: str, port: int) -> UdpSocket:
        flow = UdpSocket(
            host, port, lambda d, a: self._deliver(d, Peer(number, *a)), self._counters
        )
        # the same in every process, as in the routes of dialogs that outlive one
        number = LOOP + 1 + zlib.crc32("{}:{}".format(*flow.local).encode())
        self._flows[number] = flow
        return flow

    def open_loop(self, address: Address) -> None:
        """Let us send to ourselves, as `address`."""
        self._flows[LOOP] = _Loopback(address, lambda d, a: self._deliver(d, Peer(LOOP, *a)))

    async def connect(self, host: str, port: int, *, name: str = "") -> Peer:
        """A connection to a peer, an open one if there is one: TCP, or with a `name` TLS to a
        peer that proves it. Raises OSError.
        """
        known = self.connected(name or host, port, secure=bool(name))
        if known is not None:
            return known
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: StreamConnection(
                next(self._numbers),
                "TLS" if name else "TCP",
                self,
                limit=self._max_message,
                name=name,
            ),
            host,
            port,
            ssl=self._tls.calling if name else None,
            server_hostname=name or None,
            ssl_handshake_timeout=self._timers.reach if name else None,
        )
        self._connections[connection.transport, name or host, port] = connection.number
        return Peer(connection.number, host, port)

    def connected(self, host: str, port: int, *, secure: bool = False) -> Peer | None:
        """The open TCP connection to that address, or the TLS connection to that name."""
        number = self._connections.get(("TLS" if secure else "TCP", host, port))
        flow = None if number is None else self._flows.get(number)
        if number is None or not isinstance(flow, Connection):
            return None
        return Peer(number, *flow.remote)

    def udp_towards(self, host: str, port: int, preferred: int = LOOP) -> Peer | None:
        """The preferred UDP socket, or the first of the right address family."""
        numbers = sorted(self._flows, key=lambda number: number != preferred)
        for number in numbers:
            flow = self._flows[number]
            same_family = (":" in flow.local[0]) == (":" in host)
            if number != LOOP and flow.transport == "UDP" and same_family:
                return Peer(number, host, port)
        return None

    def flow(self, number: int) -> Flow | None:
        """The socket or connection of that number while it is open."""
        return self._flows.get(number)

    def reliable(self, number: int) -> bool:
        """True where messages are not lost and not to be retransmitted."""
        flow = self._flows.get(number)
        return flow is not None and flow.transport != "UDP"

    def send(self, data: bytes, peer: Peer) -> bool:
        """Send; False when the connection is gone."""
        flow = self._flows.get(peer.flow)
        if flow is None:
            return False
        self._counters.sent += 1
        if peer.flow != LOOP and not data.startswith(b"SIP/"):
            self.on_request(peer.host)
        flow.send(data, (peer.host, peer.port))
        if self.on_sent is not None:
            self.on_sent(data, flow, peer)
        return True

    def sweep(self, now: float) -> None:
        """Close connections that are idle or send a message too slowly."""
        for flow in list(self._flows.values()):
            if isinstance(flow, Connection) and flow.overdue(now, self._timers):
                flow.close()

    def cut_off(self, unwanted: Callable[[str], bool]) -> None:
        """End connections with hosts that are not wanted any more, at once."""
        for flow in list(self._flows.values()):
            if isinstance(flow, Connection) and unwanted(flow.remote[0]):
                flow.abort()

    async def close(self) -> None:
        """Close every socket and connection."""
        for acceptor in self._acceptors:
            await acceptor.close()
        for flow in list(self._flows.values()):
            flow.close()
        await asyncio.sleep(0)  # transports tell of their end in the next turn
        for flow in list(self._flows.values()):
            if isinstance(flow, Connection):
                flow.abort()
        self._flows.clear()

    # what connections tell

    def opened(self, connection: Connection) -> None:
        """See `Owner`. One that was accepted proves no name: over TLS nothing else goes its way."""
        self._flows[connection.number] = connection
        if connection.transport == "TCP":
            self._connections.setdefault(("TCP", *connection.remote), connection.number)
        self._counters.connections += 1

    def closed(self, connection: Connection) -> None:
        """See `Owner`."""
        self._flows.pop(connection.number, None)
        host, port = connection.remote
        key = (connection.transport, connection.name or host, port)
        if self._connections.get(key) == connection.number:
            del self._connections[key]

    def received(self, connection: Connection, data: bytes) -> None:
        """See `Owner`."""
        self._deliver(data, Peer(connection.number, *connection.remote))

    def _accept(self, listener: Listener) -> Connection:
        number, transport = next(self._numbers), listener.transport.upper()
        limit = self._max_message
        if listener.transport in ("ws", "wss"):
            return WebSocketConnection(
                number, transport, self, limit=limit, origins=listener.origins
            )
        return StreamConnection(number, transport, self, limit=limit)

    def _deliver(self, data: bytes, peer: Peer) -> None:
        self._counters.received += 1
        self._receive(data, peer)
