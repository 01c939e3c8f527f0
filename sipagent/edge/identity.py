"""Who we are on the wire: our addresses, and branches and tags nobody else can make."""

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Sequence

from .desk import Address
from .headers import Bad, Via, parse_name_addr, parse_uri, parse_via
from .listeners import LOOP, Peer
from .message import Message, header

_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - recognised, never bound here
#: the user part of a worker's Contact is this and its token
TOKEN_PREFIX = b"w."
#: holds a worker's own Via in ours, for our eyes only
_VEIL = re.compile(rb";w=[A-Za-z0-9_-]*")


def hostport(address: Address) -> bytes:
    """`host:port`, IPv6 in brackets."""
    host, port = address
    return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}").encode("ascii")


class Identity:
    """Our addresses as peers know them. `bound` are the public sockets in the order listed."""

    def __init__(
        self,
        public: Address,
        internal: Address,
        bound: Sequence[tuple[str, Address]],
        secret: bytes | None = None,
    ) -> None:
        self.public = public
        self.internal = internal
        self._bound = tuple(bound)
        self._secret = secret or secrets.token_bytes(32)
        self._ours = {a for _, a in bound}
        self.move(public)

    def move(self, public: Address) -> None:
        """Be known as `public` from now on; what is under way still finds us where we were."""
        self.public = public
        self._ours |= {public, *(self._known_as(a) for _, a in self._bound)}

    def is_ours(self, address: Address) -> bool:
        """True for an address requests and responses reach us at."""
        return address in self._ours

    def advertised(self, transport: str, local: Address) -> Address:
        """What Via and Contact say for a socket or connection of ours."""
        if (transport, local) in self._bound:
            return self._known_as(local)
        for kind, address in self._bound:  # a connection: its own port is nobody's business
            if kind == transport:
                return self._known_as(address)
        return self.public

    def _known_as(self, local: Address) -> Address:
        first = self._bound[0][1]
        if local == first:
            return self.public
        host, port = local
        # the public name or address stands for every socket on the host it was said for
        return (self.public[0] if host in (*_WILDCARDS, first[0]) else host, port)

    def digest(self, *parts: bytes) -> bytes:
        """A short keyed hash over `parts`, as a token of RFC 3261's grammar."""
        mac = hashlib.blake2b(key=self._secret, digest_size=10)
        for part in parts:
            mac.update(b"%d:" % len(part) + part)
        return mac.hexdigest().encode()

    def inward_branch(self, message: Message, via: Via) -> bytes:
        """Branch towards a worker. The same for an INVITE, its retransmissions, its CANCEL and
        the ACK to its failure, whatever transaction rules the caller's stack is from. `via` is
        the topmost one.
        """
        return b"z9hG4bK" + self.digest(
            b"in",
            via.branch,
            hostport(via.sent_by),
            message.call_id,
            message.from_.tag,
            b"%d" % message.cseq.number,
        )

    def outward_branch(self, worker_branch: bytes, call_id: bytes) -> bytes:
        """Branch towards the world for a request with that branch from a worker."""
        return b"z9hG4bK" + self.digest(b"out", worker_branch, call_id)

    def tag(self, request: Message) -> bytes:
        """To tag of our own responses: the same for retransmissions (RFC 3261 8.2.7)."""
        return self.digest(b"tag", request.call_id, request.text(b"from"))

    def veil(self, vias: bytes, branch: bytes) -> bytes:
        """A worker's Vias as a parameter of ours that comes back with the response: what is behind
        us is nobody's business, and we need not keep it.
        """
        hidden = base64.urlsafe_b64encode(self._masked(vias, branch))
        return b";w=" + hidden.rstrip(b"=")

    def lift(self, veil: bytes, branch: bytes) -> bytes | None:
        """What `veil` hid behind that branch; None when it was not of our making."""
        try:
            inner = self._masked(base64.urlsafe_b64decode(veil + b"=" * (-len(veil) % 4)), branch)
            parse_via(inner)
        except (binascii.Error, Bad):
            return None
        return inner

    def _masked(self, text: bytes, branch: bytes) -> bytes:
        mask = b"".join(
            hashlib.blake2b(branch + b".%d" % n, key=self._secret, person=b"veil").digest()
            for n in range(len(text) // 64 + 1)
        )
        size = len(text)
        mixed = int.from_bytes(text, "big") ^ int.from_bytes(mask[:size], "big")
        return mixed.to_bytes(size, "big")

    def localise(
        self, message: Message, transport: str, local: Address, *, secure: bool = False
    ) -> None:
        """Have a worker's Contact name the transport the peer uses, so that it comes back by it;
        `secure` where the far end wrote `sips:` (RFC 5630 section 5.1).
        """
        here = self.advertised(transport, local)
        if transport != "UDP" and not any(kind == transport for kind, _ in self._bound):
            here = local  # nobody can make such a connection to us: the one we made serves
        value = message.get(b"contact")
        if value is None or (transport == "UDP" and here == self.public):
            return
        contact = parse_name_addr(value)
        uri = parse_uri(contact.uri)
        if not uri.user.startswith(TOKEN_PREFIX):
            return
        scheme = b"sips" if secure and transport in ("TLS", "WSS") else b"sip"
        new = b"<%b:%b@%b%b>%b" % (
            scheme,
            uri.user,
            hostport(here),
            _parameter(transport, scheme),
            contact.params,
        )
        message.replace(b"contact", header(b"Contact", new))


def _parameter(transport: str, scheme: bytes) -> bytes:
    """`transport=` of a Contact; for both kinds of WebSocket it is `ws` (RFC 7118 section 5)."""
    if transport == "UDP" or (transport == "TLS" and scheme == b"sips"):
        return b""
    return b";transport=" + transport.lower().replace("wss", "ws").encode()


def unveiled(via: bytes) -> bytes:
    """A Via of ours without a worker's in it."""
    return _VEIL.sub(b"", via)


def peer_as_token(peer: Peer) -> bytes:
    """A peer as one parameter value; `read_peer` is the way back."""
    host = peer.host.replace(":", "+")
    return f"{peer.flow}!{host}!{peer.port}".encode("ascii")


def read_peer(token: bytes) -> Peer | None:
    """The peer in a parameter of ours, or None."""
    flow, _, rest = token.decode("ascii", "replace").partition("!")
    host, _, port = rest.partition("!")
    if not (flow.isdecimal() and host and port.isdecimal()):
        return None
    return Peer(int(flow), host.replace("+", ":"), int(port))


def flow_number(token: bytes) -> int:
    """The flow in a parameter of ours, LOOP when there is none."""
    digits = token.partition(b"!")[0]
    return int(digits) if digits.isdigit() else LOOP
