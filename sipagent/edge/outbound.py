"""Outbound: requests of workers on their way to the world (RFC 3261 section 16.6)."""

import asyncio
from dataclasses import dataclass, replace

import structlog

from .desk import Leaving, Refused
from .dialogs import Key
from .fork import Forks
from .headers import Bad, Uri, parse_name_addr, parse_uri
from .identity import flow_number, read_peer
from .listeners import LOOP, Peer
from .message import Message, header
from .proxy import Proxy, less_one_hop
from .resolver import Resolver, Unreachable
from .responses import response
from .roster import Worker
from .texts import Texts
from .transactions import Outgoing, State
from .trunks.account import Account
from .trunks.board import Trunks

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Departure:
    """A request of a worker that leaves with `branch`; `call` where it is, or ends, an INVITE;
    `trunk` where that begins a call by one.
    """

    request: Message
    worker: Worker
    branch: bytes
    call: Outgoing | None
    trunk: Account | None = None


class Outbound:
    """Follows routes, finds the next hop, and tells the worker when there is none."""

    def __init__(
        self, proxy: Proxy, resolver: Resolver, trunks: Trunks, forks: Forks, texts: Texts
    ) -> None:
        self._proxy = proxy
        self._texts = texts
        self._forks = forks
        self._resolver = resolver
        self._trunks = trunks

    def request(self, request: Message, worker: Worker) -> None:
        """A worker's request."""
        trunk = self._trunks.take_mark(request)
        try:
            if not less_one_hop(request):
                raise Bad("no hops left", 483)
            flow, sticky, routes = self._follow(request)
            if not routes and self._forks.take(request, worker):
                return
            if self._texts.take(request, worker, trunk):
                return
            hop = parse_uri(parse_name_addr(routes[0]).uri if routes else request.uri)
            begins = request.method == b"INVITE" and not request.to.tag
            payer = trunk or self._trunks.at(parse_uri(request.uri)) if begins else None
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
        if payer is not None and (why := self._unpaid(request, worker, payer)):
            self._refuse(Departure(request, worker, branch, call), 403, why)
        elif trunk is not None and begins:
            self._by_trunk(Departure(request, worker, branch, call, trunk), trunk, flow)
        else:
            self._leave(Departure(request, worker, branch, call), hop, flow, sticky)

    def _unpaid(self, invite: Message, worker: Worker, payer: Account) -> str:
        """Why this call may not cost what it would, or nothing."""
        leaving = Leaving(
            token=worker.token,
            trunk=payer.name,
            target=f"tel:{payer.number(parse_uri(invite.uri))}",
            sip_call_id=invite.call_id.decode("utf-8", "replace"),
        )
        try:
            self._proxy.desk.leaves(leaving)
        except Refused as no:
            return no.reason
        return ""

    def _leave(self, leaving: Departure, hop: Uri, flow: int, sticky: Peer | None = None) -> None:
        live = self._proxy.live
        peer = live(sticky) or live(self._moved(leaving.request)) or self._resolver.known(hop, flow)
        if peer is not None:
            self._send(leaving, peer)
        else:
            self._proxy.tasks.start(self._find_and_send(leaving, hop, flow))

    def _moved(self, request: Message) -> Peer | None:
        """The connection the far end has now: the one it had is closed, by a restart perhaps."""
        key = Key(request.call_id, request.from_.tag, request.to.tag)
        dialog = self._proxy.dialogs.get(key) if key.remote_tag else None
        return dialog.peer if dialog is not None else None

    def _by_trunk(self, leaving: Departure, trunk: Account, flow: int) -> None:
        """A call begins: refused at once where the trunk cannot take it."""
        if why := trunk.refusal(leaving.request):
            self._refuse(leaving, 503, why)
            return
        assert leaving.call is not None
        leaving.call.trunk = trunk.name
        trunk.capacity.enter(leaving.call)
        leaving.request.headers += trunk.routes
        self._leave(leaving, trunk.hop, flow)

    def _refuse(self, leaving: Departure, status: int, reason: str = "") -> None:
        """Tell the worker no in place of the world; its ACK ends here."""
        self._answer(leaving.request, leaving.worker, status, reason)
        if leaving.call is not None:
            leaving.call.move(State.COMPLETED)
            self._proxy.outgoing.settled(leaving.call)

    def _silent(self, leaving: Departure, trunk: Account, tried: tuple[Peer, ...]) -> None:
        """No answer yet to the first INVITE of a call by a trunk: the next address, if any."""
        call = leaving.call
        if call is None or call.state is not State.TRYING or call.orphan:
            return
        self._resolver.avoid(tried[-1])
        self._proxy.tasks.start(self._elsewhere(leaving, trunk, tried))

    async def _elsewhere(self, leaving: Departure, trunk: Account, tried: tuple[Peer, ...]) -> None:
        """RFC 3263 section 4.3: the same INVITE to another address, a transaction of its own."""
        call = leaving.call
        assert call is not None
        try:
            peer = await self._resolver.untried(trunk.hop, {(p.host, p.port) for p in tried})
        except Unreachable:
            peer = None
        if call.state is not State.TRYING or call.orphan:
            return
        if peer is not None:
            call.wire = b"%b.%d" % (call.branch, len(tried))
            _log.info("trunk_next_address", trunk=trunk.name, silent=str(tried[-1]), next=str(peer))
            self._send(leaving, peer, tried)
            return
        _log.warning("trunk_silent", trunk=trunk.name, peer=str(tried[-1]))
        call.orphan = True
        self._proxy.outgoing.settled(call)
        self._answer(leaving.request, leaving.worker, 408, f"trunk {trunk.name} does not answer")

    def _again(self, leaving: Departure, call: Outgoing) -> None:
        """CANCEL, ACK to a failure, or the INVITE retransmitted: the same way once more."""
        if call.orphan:
            return  # the worker was told that it failed
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
            failure = response(leaving.request, 503, str(error))
            # so that the record says why
            self._proxy.saw(failure, Peer(LOOP, *hop.address), inward=True)
            self._refuse(leaving, 503, str(error))
        else:
            if self._proxy.roster.get(leaving.worker.token) is not None:
                self._send(leaving, peer)

    def _send(self, leaving: Departure, peer: Peer, tried: tuple[Peer, ...] = ()) -> None:
        request, call = leaving.request, leaving.call
        branch = call.wire if call is not None and call.wire else leaving.branch
        # what may have to go elsewhere is kept as the worker sent it
        later = replace(leaving, request=request.copy()) if leaving.trunk is not None else None
        if self._proxy.send_on(request, peer, branch) is None:
            return
        if later is not None and leaving.trunk is not None:
            asyncio.get_running_loop().call_later(
                leaving.trunk.trunk.answer_seconds,
                self._silent,
                later,
                leaving.trunk,
                (*tried, peer),
            )
        if call is not None and (call.request is request or leaving.trunk is not None):
            call.peer, call.request = peer, request
            request.body = b""
            self._proxy.outgoing.changed(call)

    def _answer(self, request: Message, worker: Worker, status: int, reason: str = "") -> None:
        if request.method != b"ACK":
            tag = self._proxy.identity.tag(request)
            self._proxy.to_worker(bytes(response(request, status, reason, tag=tag)), worker)
