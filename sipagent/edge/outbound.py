"""Outbound: requests of workers on their way to the world (RFC 3261 section 16.6)."""

from dataclasses import dataclass

import structlog

from .fork import Forks
from .headers import Bad, Uri, parse_name_addr, parse_uri
from .identity import flow_number, read_peer
from .listeners import Peer
from .message import Message, header
from .proxy import Proxy, less_one_hop
from .resolver import Resolver, Unreachable
from .responses import response
from .roster import Worker
from .transactions import Outgoing, State

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Departure:
    """A request of a worker that leaves with `branch`; `call` where it is, or ends, an INVITE."""

    request: Message
    worker: Worker
    branch: bytes
    call: Outgoing | None


class Outbound:
    """Follows routes, finds the next hop, and tells the worker when there is none."""

    def __init__(self, proxy: Proxy, resolver: Resolver, forks: Forks) -> None:
        self._proxy = proxy
        self._forks = forks
        self._resolver = resolver

    def request(self, request: Message, worker: Worker) -> None:
        """A worker's request."""
        try:
            if not less_one_hop(request):
                raise Bad("no hops left", 483)
            flow, sticky, routes = self._follow(request)
            if not routes and self._forks.take(request, worker):
                return
            hop = parse_uri(parse_name_addr(routes[0]).uri if routes else request.uri)
        except (Bad, ValueError) as bad:
            self._proxy.counters.bad += 1
            self._answer(request, worker, bad.status if isinstance(bad, Bad) else 400)
            return
        self._proxy.dialogs.request_of_worker(request)
        branch = self._proxy.identity.outward_branch(request.via.branch, request.call_id)
        call = self._proxy.outgoing.get(branch)
        if call is not None and (call.peer is not None or request.method == b"INVITE"):
            self._again(Departure(request, worker, branch, call), call)
            return
        if call is not None and call.state is State.COMPLETED:
            return  # the ACK to our own failure
        if request.method == b"INVITE":
            call = Outgoing(branch=branch, request=request, token=worker.token)
            self._proxy.outgoing.add(call)
        leaving = Departure(request, worker, branch, call)
        peer = self._proxy.live(sticky) or self._resolver.known(hop, flow)
        if peer is not None:
            self._send(leaving, peer)
        else:
            self._proxy.tasks.start(self._find_and_send(leaving, hop, flow))

    def _again(self, leaving: Departure, call: Outgoing) -> None:
        """CANCEL, ACK to a failure, or the INVITE retransmitted: the same way once more."""
        peer = self._proxy.live(call.peer)
        if peer is None:
            if call.state is State.COMPLETED:
                self._answer(leaving.request, leaving.worker, 503)
            return  # else its next hop is still being looked for
        if leaving.request.method != b"INVITE" or not self._proxy.listeners.reliable(peer.flow):
            self._send(leaving, peer)

    def _follow(self, request: Message) -> tuple[int, Peer | None, list[bytes]]:
        """Take our own Route away and read the flow in it. Raises Bad."""
        routes = request.values(b"route")
        flow, sticky = 0, None
        while routes:
            uri = parse_uri(parse_name_addr(routes[0]).uri)
            if uri.address != self._proxy.identity.internal:
                break
            if token := uri.param(b"fl"):
                flow, sticky = flow_number(token), read_peer(token)
            del routes[0]
        request.remove((b"route",))
        request.headers += [header(b"Route", route) for route in routes]
        return flow, sticky, routes

    async def _find_and_send(self, leaving: Departure, hop: Uri, flow: int) -> None:
        try:
            peer = await self._resolver.find(hop, flow)
        except Unreachable as error:
            self._proxy.counters.unreachable += 1
            _log.info("sip_unreachable", hop=f"{hop.host}:{hop.address[1]}", error=str(error))
            self._answer(leaving.request, leaving.worker, 503)
            if leaving.call is not None:
                leaving.call.move(State.COMPLETED)
                self._proxy.outgoing.settled(leaving.call)
        else:
            if self._proxy.roster.get(leaving.worker.token) is not None:
                self._send(leaving, peer)

    def _send(self, leaving: Departure, peer: Peer) -> None:
        request = leaving.request
        if self._proxy.send_on(request, peer, leaving.branch) is None:
            return
        if leaving.call is not None and leaving.call.request is request:
            leaving.call.peer = peer
            request.body = b""

    def _answer(self, request: Message, worker: Worker, status: int) -> None:
        if request.method != b"ACK":
            tag = self._proxy.identity.tag(request)
            self._proxy.to_worker(bytes(response(request, status, tag=tag)), worker)
