"""What both directions of the proxy share: the tables, the sockets, and the ladder."""

import re
from dataclasses import dataclass, field

import structlog

from sipagent.tasks import Background

from .counters import Counters
from .desk import Desk, Rung
from .dialogs import Dialogs
from .door.doorman import Doorman
from .headers import is_sips, parse_via
from .identity import Identity, hostport, peer_as_token
from .listeners import LOOP, Listeners, Peer, UdpSocket
from .message import Header, Message, header
from .roster import Roster, Worker
from .timers import Timers
from .transactions import Incoming, Outgoing, Table

_log = structlog.get_logger(__name__)
_PASSWORD = re.compile(r"(sips?:[^@:;>\s]*):[^@>\s]*@", re.IGNORECASE)
_START_LINE = 256
_STACK = b"\r\ns=pjmedia\r\n"
US = "sipagent"


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy, two directions. `inside` is the socket workers see."""

    desk: Desk
    identity: Identity
    listeners: Listeners
    inside: UdpSocket
    counters: Counters
    timers: Timers
    doorman: Doorman
    incoming: Table[Incoming]
    outgoing: Table[Outgoing]
    roster: Roster = field(default_factory=Roster)
    dialogs: Dialogs = field(default_factory=Dialogs)
    tasks: Background = field(default_factory=Background)

    def saw(self, message: Message, peer: Peer, *, inward: bool) -> None:
        """Tell the desk of a message between the world and a worker."""
        source, destination = (str(peer), US) if inward else (US, str(peer))
        self.desk.saw(
            Rung(
                sip_call_id=_text(message.call_id),
                source=source,
                destination=destination,
                start_line=_PASSWORD.sub(r"\1@", _text(message.start))[:_START_LINE],
                cseq=_text(message.text(b"cseq")),
            )
        )

    def record_route(self, flow: int, sticky: Peer | None) -> Header:
        """Our Record-Route towards a worker; `fl` says by which flow requests go back."""
        token = peer_as_token(sticky) if sticky is not None else b"%d" % flow
        host, port = self.identity.internal
        value = f"<sip:{host}:{port};lr;fl=".encode() + token + b">"
        return header(b"Record-Route", value)

    def live(self, peer: Peer | None) -> Peer | None:
        """The peer while its socket or connection is open."""
        return peer if peer is not None and self.listeners.flow(peer.flow) else None

    def moved_to(self, peer: Peer) -> Peer | None:
        """The connection a peer uses within a dialog, None by UDP."""
        return peer if self.listeners.reliable(peer.flow) else None

    def sticky(self, message: Message, peer: Peer) -> Peer | None:
        """The peer itself when later requests must go exactly there: its connection, or the
        outside of the NAT it is behind (its own Via and the socket disagree).
        """
        if self.listeners.reliable(peer.flow):
            return peer
        if peer.flow == LOOP or len(message.values(b"via")) > 1:
            return None
        return peer if message.via.host != peer.host else None

    def to_worker(self, data: bytes, worker: Worker) -> None:
        """Send to a worker."""
        self.inside.send(data, worker.address)

    def send_on(self, request: Message, peer: Peer, branch: bytes) -> bytes | None:
        """Put our Via on a worker's request and send it to the peer. Returns what was sent, or
        None where the socket or connection is gone.
        """
        way = self.listeners.flow(peer.flow)
        if way is None:
            self.counters.unreachable += 1
            return None
        self.localise(request, peer.flow, secure=is_sips(request.uri))
        sent_by = hostport(self.identity.advertised(way.transport, way.local))
        via = f"SIP/2.0/{way.transport} ".encode() + sent_by + b";branch=" + branch + b";rport"
        inner = b", ".join(h.value for h in request.headers if h.key == b"via")
        if inner and request.method != b"ACK":
            via += self.identity.veil(inner, branch)
        request.remove((b"via",))
        request.headers.insert(0, header(b"Via", via))
        unnamed(request)
        self.saw(request, peer, inward=False)
        data = bytes(request)
        self.listeners.send(data, peer)
        return data

    def lift(self, answer: Message) -> bool:
        """Put the worker's Via below ours again, which came back with it veiled. False for what
        answers nothing we sent. Raises Bad.
        """
        top, *others = answer.values(b"via")
        ours = parse_via(top)
        veil = ours.params.get(b"w")
        inner = self.identity.lift(veil, ours.branch) if veil else None
        if others or (veil and inner is None):
            self.counters.stray += 1
            return False
        if inner is not None:
            place = next(n for n, h in enumerate(answer.headers) if h.key == b"via")
            answer.headers.insert(place + 1, header(b"Via", inner))
        return True

    def localise(self, message: Message, flow: int, *, secure: bool) -> None:
        """Have a worker's Contact name the transport of that flow, `sips:` where asked for."""
        way = self.listeners.flow(flow)
        if way is not None and flow != LOOP:
            self.identity.localise(message, way.transport, way.local, secure=secure)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def unnamed(message: Message) -> None:
    """Take the name of the media stack out of a session description; it is nobody's business."""
    if _STACK in message.body:
        message.body = message.body.replace(_STACK, b"\r\ns=-\r\n", 1)
        size = header(b"Content-Length", b"%d" % len(message.body))
        message.replace(b"content-length", size)


def less_one_hop(message: Message) -> bool:
    """Count Max-Forwards down (RFC 3261 16.6 step 3). False when there is none left.

    The caller has checked that the value is a number.
    """
    value = message.get(b"max-forwards")
    hops = 70 if value is None else int(value)
    if hops <= 0:
        return False
    message.replace(b"max-forwards", header(b"Max-Forwards", b"%d" % (hops - 1)))
    return True
