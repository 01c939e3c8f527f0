"""Inward: a request of the world, edited for a worker and sent to it (RFC 3261 section 16.6)."""

from dataclasses import dataclass

from .headers import Bad, is_sips, parse_uri
from .identity import hostport, peer_as_token
from .listeners import LOOP, Peer
from .message import Header, Message, header
from .offer import name_session
from .proxy import Proxy, less_one_hop
from .referrals import inside
from .responses import response
from .roster import Worker
from .trim import fit

#: routes are ours to follow, credentials ours to check: a worker needs neither
_KEPT_BACK = (b"route", b"authorization", b"proxy-authorization")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request of the world: `peer` sent it, `reply_to` hears of it, `branch` is the one it
    has towards a worker. `source` is who sent it to the proxy in front, without one the peer.
    """

    request: Message
    peer: Peer
    reply_to: Peer
    branch: bytes
    source: Peer


def arrive(proxy: Proxy, request: Message, peer: Peer, source: Peer) -> Arrival:
    """Complete the top Via with what the socket saw, and so find where responses go
    (RFC 3261 18.2.1 and 18.2.2, RFC 3581 section 4). Raises Bad.
    """
    via = request.via
    request.replace_top_via(via.seen_from(peer.host, peer.port))
    exact = proxy.listeners.reliable(peer.flow) or peer.flow == LOOP or b"rport" in via.params
    reply_to = peer if exact else Peer(peer.flow, peer.host, via.port or 5060)
    branch = proxy.identity.inward_branch(request, via)
    return Arrival(request, peer, reply_to, branch, source)


def reply(
    proxy: Proxy, arrival: Arrival, status: int, reason: str = "", extra: tuple[Header, ...] = ()
) -> None:
    """Answer it ourselves; never an ACK."""
    if arrival.request.method == b"ACK":
        return
    proxy.doorman.refused(arrival.request, arrival.source, status)
    tag = proxy.identity.tag(arrival.request)
    answer = response(arrival.request, status, reason, tag=tag, extra=extra)
    proxy.listeners.send(bytes(answer), arrival.reply_to)


def forward(proxy: Proxy, arrival: Arrival, worker: Worker) -> bool:
    """Send it to the worker. False when it cannot be made to fit; the sender got 513.

    Raises Bad (483) when no hop is left.
    """
    original = arrival.request
    request = original.copy()
    if not less_one_hop(request):
        raise Bad("no hops left", 483)
    request.remove(_KEPT_BACK)
    name_session(request)
    secure = is_sips(request.uri)
    if secure:  # a worker's stack refuses them: TLS ends here
        request.set_uri(b"sip:" + request.uri[5:])
    ours = b"SIP/2.0/UDP %b;branch=%b;f=%b%b" % (
        hostport(proxy.identity.internal),
        arrival.branch,
        peer_as_token(arrival.reply_to),
        b";sips" if secure else b"",  # the Contact in its response must be one too
    )
    added = [header(b"Via", ours)]
    if request.method == b"INVITE" and not request.to.tag:
        sticky = proxy.sticky(original, arrival.peer)
        added.insert(0, proxy.record_route(arrival.peer.flow, sticky))
    request.headers[:0] = added
    inside(request, proxy.identity)
    data, dropped = fit(request)
    proxy.counters.trimmed += dropped
    if data is None:
        proxy.counters.too_big += 1
        reply(proxy, arrival, 513)
        return False
    proxy.dialogs.request_of_world(original, proxy.moved_to(arrival.peer))
    proxy.saw(original, arrival.peer, inward=True)
    proxy.to_worker(data, worker)
    return True


def named_worker(proxy: Proxy, request: Message) -> Worker | None:
    """The living worker a request inside a dialog is for: by the token in its URI, or by
    Call-ID and tag where the far end does not use our Contact. Raises Bad.
    """
    worker = proxy.roster.named(parse_uri(request.uri))
    if worker is None and (tag := request.to.tag):
        token = proxy.dialogs.find(request.call_id, tag)
        worker = proxy.roster.get(token) if token is not None else None
    return worker
