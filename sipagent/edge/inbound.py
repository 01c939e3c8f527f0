"""Inbound: what to do with each request of the world."""

from .admission import Admission
from .farewell import Farewell
from .headers import Bad, parse_uri, parse_via, split
from .info import read_info
from .inward import Arrival, arrive, forward, named_worker, reply
from .listeners import Peer
from .message import BadMessage, Message
from .offer import check_offer
from .proxy import Proxy
from .registrar import Registrar
from .responses import ALLOW, CAPABILITIES, Final, response, retry_after, unsupported
from .strict import check_readable
from .texts import Texts
from .transactions import Incoming, State

_OUTSIDE_DIALOGS_NEVER = (b"BYE", b"PRACK", b"UPDATE")


class Inbound:
    """The request side of RFC 3261 section 16, towards the workers."""

    def __init__(
        self,
        proxy: Proxy,
        admission: Admission,
        registrar: Registrar,
        farewell: Farewell,
        texts: Texts,
    ) -> None:
        self._proxy = proxy
        self._admission = admission
        self._registrar = registrar
        self._farewell = farewell
        self._texts = texts

    def refuse(self, bad: BadMessage, peer: Peer) -> None:
        """Answer a request that breaks the rules, where that leads to its sender."""
        request = bad.message
        if not request.is_request or request.method in (b"ACK", b""):
            return
        try:
            via = parse_via(split(request.text(b"via"))[0], any_version=True)
            request.replace_top_via(via.seen_from(peer.host, peer.port))
        except Bad:
            return
        exact = b"rport" in via.params or self._proxy.listeners.reliable(peer.flow)
        reply_to = peer if exact else Peer(peer.flow, peer.host, via.port or 5060)
        self._proxy.doorman.refused(request, peer, bad.status)
        tag = self._proxy.identity.tag(request)
        answer = response(request, bad.status, tag=tag)
        self._proxy.listeners.send(bytes(answer), reply_to)

    def request(self, request: Message, peer: Peer, source: Peer) -> None:
        """A well-formed request of `source`, by way of `peer`."""
        arrival = arrive(self._proxy, request, peer, source)
        try:
            self._dispatch(arrival)
        except Bad as bad:
            self._proxy.counters.bad += 1
            reply(self._proxy, arrival, bad.status)

    def _dispatch(self, arrival: Arrival) -> None:
        request = arrival.request
        hops = _hops(request)
        if parse_uri(request.uri).headers:
            raise Bad("a request URI has no headers")
        known = self._proxy.incoming.get(arrival.branch)
        if request.method == b"ACK":
            self._ack(arrival, known)
        elif request.method == b"CANCEL":
            self._cancel(arrival, known)
        elif request.method == b"OPTIONS":
            self._options(arrival)
        elif hops == 0:
            raise Bad("no hops left", 483)
        elif request.method == b"INVITE" and known is not None:
            self._repeated(arrival, known)
        elif request.method == b"REGISTER" and self._registrar.extensions:
            self._registrar.register(arrival)
        elif request.to.tag:
            self._in_dialog(arrival)
        elif request.method == b"INVITE":
            self._admission.invite(arrival)
        elif request.method == b"MESSAGE":
            self._texts.arrived(arrival)
        elif request.method in _OUTSIDE_DIALOGS_NEVER:
            reply(self._proxy, arrival, 481)
        else:
            reply(self._proxy, arrival, 405, extra=(ALLOW,))

    def _ack(self, arrival: Arrival, known: Incoming | None) -> None:
        """To a failure: hop by hop. To a 2xx: end to end, a transaction of its own."""
        if known is not None and known.state in (State.COMPLETED, State.CONFIRMED):
            self._farewell.acknowledged(known)
            if known.own:
                return
        if known is not None and known.token is not None:
            worker = self._proxy.roster.get(known.token)
        else:
            worker = named_worker(self._proxy, arrival.request)
        if worker is not None:
            forward(self._proxy, arrival, worker)

    def _cancel(self, arrival: Arrival, known: Incoming | None) -> None:
        """A worker answers its own; ours is the time before there is one, and after."""
        proxy = self._proxy
        if known is None:
            worker = named_worker(proxy, arrival.request)
        else:
            worker = proxy.roster.get(known.token) if known.token is not None else None
        if worker is not None and not (known is not None and known.own):
            forward(proxy, arrival, worker)
        elif known is not None:
            reply(proxy, arrival, 200)
            self._admission.cancel(known)
        else:
            reply(proxy, arrival, 481)

    def _options(self, arrival: Arrival) -> None:
        """A peer asks if we are alive, or if its call is. Workers' stacks would say 500."""
        proxy, request = self._proxy, arrival.request
        if not request.to.tag:
            self._say_how_it_is(arrival)
            return
        worker = named_worker(proxy, request)
        proxy.dialogs.request_of_world(request, proxy.moved_to(arrival.peer))
        if worker is not None:
            proxy.saw(request, arrival.peer, inward=True)
            proxy.saw(response(request, 200), arrival.reply_to, inward=False)
            reply(proxy, arrival, 200, extra=CAPABILITIES)
        else:
            reply(proxy, arrival, 481)

    def _say_how_it_is(self, arrival: Arrival) -> None:
        """What an INVITE would get (RFC 3261 section 11): dispatchers ask before they send one."""
        closed = self._proxy.desk.closed()
        if wanted := unsupported(arrival.request):
            reply(self._proxy, arrival, 420, extra=wanted)
        elif closed is None:
            reply(self._proxy, arrival, 200, extra=CAPABILITIES)
        else:
            again = (retry_after(closed.retry_after),) if closed.retry_after is not None else ()
            reply(self._proxy, arrival, closed.status, closed.reason, again)

    def _repeated(self, arrival: Arrival, known: Incoming) -> None:
        """An INVITE retransmitted: absorbed while the desk thinks, else the worker answers."""
        proxy = self._proxy
        if known.own:
            proxy.listeners.send(known.final, known.reply_to)
        elif known.token is None:
            proxy.listeners.send(bytes(response(known.request, 100)), known.reply_to)
        elif (worker := proxy.roster.get(known.token)) is not None:
            forward(proxy, arrival, worker)

    def _in_dialog(self, arrival: Arrival) -> None:
        worker = named_worker(self._proxy, arrival.request)
        check_readable(arrival.request)
        check_offer(arrival.request)
        if worker is None:
            reply(self._proxy, arrival, 481)
        elif (final := self._instead(arrival)) is None:
            forward(self._proxy, arrival, worker)
        else:
            self._proxy.dialogs.request_of_world(arrival.request)
            self._proxy.saw(arrival.request, arrival.peer, inward=True)
            self._proxy.saw(response(arrival.request, final.status), arrival.reply_to, inward=False)
            reply(self._proxy, arrival, final.status, extra=final.extra)

    def _instead(self, arrival: Arrival) -> Final | None:
        """What a worker's stack would answer wrongly, answered here."""
        if arrival.request.method == b"INFO":
            return read_info(arrival.request)
        if arrival.request.method == b"MESSAGE":
            call = arrival.request.call_id.decode("utf-8", "replace")
            return self._texts.judge(arrival.request, call)
        return None


def _hops(request: Message) -> int | None:
    """Max-Forwards, where there is one. Raises Bad."""
    hops = request.get(b"max-forwards")
    if hops is not None and not (hops.isdigit() and len(hops) < 6):
        raise Bad("malformed Max-Forwards")
    return None if hops is None else int(hops)
