"""Answers: responses of workers on their way to the world, and of the world to workers."""

import re

from .dialogs import Key
from .farewell import ELSEWHERE, Farewell
from .headers import parse_name_addr, parse_uri, parse_via, split
from .identity import hostport, read_peer
from .listeners import Peer
from .message import Header, Message, header
from .proxy import Proxy, unnamed
from .referrals import taken
from .requests import Requests
from .responses import response
from .roster import Worker
from .transactions import Incoming, Outgoing, State
from .trim import fit

#: code, whoever warns, text
_WARNING = re.compile(rb"([0-9]{3}) [^ ,\"]+ (\"(?:[^\"\\]|\\.)*\")")
_STACK_ERROR = re.compile(rb" \(PJ[A-Z_]+\)")


class Answers:
    """The response side of RFC 3261 section 16.7; both directions find their way by Via."""

    def __init__(self, proxy: Proxy, farewell: Farewell, requests: Requests) -> None:
        self._requests = requests
        self._proxy = proxy
        self._farewell = farewell

    # from a worker to the world

    def from_worker(self, answer: Message, worker: Worker) -> None:
        """A worker's response. Raises Bad."""
        proxy = self._proxy
        via = answer.via
        reply_to = read_peer(via.params.get(b"f", b""))
        if via.sent_by != proxy.identity.internal or reply_to is None:
            proxy.counters.stray += 1
            return
        known = proxy.incoming.get(via.branch)
        if known is not None and (answer.status == 100 or known.own):
            return  # our own 100 went out long ago; after our own failure nothing follows
        answer.pop_via()
        taken(answer, worker, proxy.identity)
        answer.headers = self._without_ours(answer)
        self._speak_for(answer)
        unnamed(answer)
        if answer.cseq.method == b"INVITE" and known is not None:
            self._invite_answered(known, answer, worker)
        proxy.localise(answer, reply_to.flow, secure=b"sips" in via.params)
        data = bytes(answer)
        if known is not None and answer.cseq.method == b"INVITE":
            self._keep_final(known, answer, data)
        elif answer.cseq.method == b"BYE" and answer.status >= 200:
            tags = answer.to.tag, answer.from_.tag
            proxy.dialogs.ended(Key(answer.call_id, *tags))
        proxy.saw(answer, reply_to, inward=False)
        if not proxy.listeners.send(data, reply_to):
            proxy.counters.unreachable += 1

    def _without_ours(self, answer: Message) -> list[Header]:
        """The headers less our own Record-Route, which the world must not see."""
        kept = []
        for item in answer.headers:
            if item.key == b"record-route":
                values = split(item.value)
                theirs = [v for v in values if not self._is_inside(v)]
                if theirs and len(theirs) < len(values):
                    kept.append(header(b"Record-Route", b", ".join(theirs)))
                    continue
                if not theirs:
                    continue
            kept.append(item)
        return kept

    def _speak_for(self, answer: Message) -> None:
        """A worker's Warning names us, whoever it is inside (RFC 3261 section 20.43)."""
        us = hostport(self._proxy.identity.public)
        for index, item in enumerate(answer.headers):
            if item.key == b"warning":
                told = _WARNING.sub(rb"\1 " + us + rb" \2", _STACK_ERROR.sub(b"", item.value))
                answer.headers[index] = header(b"Warning", told)

    def _is_inside(self, route: bytes) -> bool:
        return parse_uri(parse_name_addr(route).uri).address == self._proxy.identity.internal

    def _invite_answered(self, known: Incoming, answer: Message, worker: Worker) -> None:
        dialogs = self._proxy.dialogs
        if answer.status >= 300:
            dialogs.failed(answer.call_id, answer.to.tag)
        elif answer.to.tag:
            dialogs.answered_by_worker(
                worker.token, known.request, answer, known.reply_to.flow, known.sticky
            )

    def _keep_final(self, known: Incoming, answer: Message, data: bytes) -> None:
        if answer.status < 200:
            return
        moved = known.move(State.ACCEPTED if answer.status < 300 else State.COMPLETED)
        if moved:
            known.final = data
            self._proxy.incoming.settled(known)
            if answer.status >= 300 and known.token is not None:
                self._proxy.desk.abandoned(known.token)

    # from the world to a worker

    def from_world(self, answer: Message, peer: Peer) -> None:
        """A response of the world. Raises Bad."""
        proxy = self._proxy
        vias = answer.values(b"via")
        top = parse_via(vias[0])
        if not proxy.identity.is_ours(top.sent_by):
            proxy.counters.stray += 1
            return
        if len(vias) == 1:
            known = self._requests.answered(answer) or self._farewell.answered(answer)
            proxy.counters.stray += not known
            return
        second = parse_via(vias[1])
        branch = top.branch.partition(b".")[0]  # behind the dot: which place it was sent to
        call = proxy.outgoing.get(branch)
        ours = proxy.identity.outward_branch(second.branch, answer.call_id)
        if call is None and branch != ours:
            proxy.counters.stray += 1
            return
        if call is not None and top.branch != (call.wire or call.branch):
            self._farewell.too_late(call, answer, peer)
            return
        worker = proxy.roster.at(second.sent_by)
        if worker is None or (call is not None and call.orphan):
            if call is not None and call.orphan:
                answer.pop_via()
                self._farewell.orphan_answered(call, answer)
            return
        answer.pop_via()
        proxy.saw(answer, peer, inward=True)
        self.deliver(answer, worker, call, peer)

    def deliver(self, answer: Message, worker: Worker, call: Outgoing | None, peer: Peer) -> None:
        """Give a worker a response of the world that has lost our Via. `call` is its INVITE.

        Of several that answer it the first has the call; the others are told so.
        """
        ok = answer.cseq.method == b"INVITE" and 200 <= answer.status < 300
        if call is not None and ok and call.too_many(tag := answer.to.tag):
            first = tag not in call.losers
            call.losers.add(tag)
            self._farewell.hang_up(call, answer, bye=first, reason=ELSEWHERE)
            return
        self._remember(answer, worker, call, peer)
        self._to_worker(answer, worker, call, peer)

    def _sticky(self, call: Outgoing | None, peer: Peer) -> Peer | None:
        """The peer itself when what follows in this dialog must go exactly there."""
        if call is not None and call.fork is not None:
            return call.peer
        return peer if self._proxy.listeners.reliable(peer.flow) else None

    def _remember(self, answer: Message, worker: Worker, call: Outgoing | None, peer: Peer) -> None:
        dialogs = self._proxy.dialogs
        method = answer.cseq.method
        if method == b"BYE" and answer.status >= 200 and answer.status not in (401, 407):
            dialogs.ended(Key(answer.call_id, answer.from_.tag, answer.to.tag))
        if method != b"INVITE":
            return
        if 100 < answer.status < 300 and answer.to.tag:
            sticky = self._sticky(call, peer)
            dialogs.answered_by_world(worker.token, answer, peer.flow, sticky)
        if call is None:
            return
        if answer.status < 200:
            if call.move(State.PROCEEDING):
                self._proxy.outgoing.changed(call)
        else:
            call.move(State.ACCEPTED if answer.status < 300 else State.COMPLETED)
            self._proxy.outgoing.settled(call)
            if answer.status >= 300:
                dialogs.failed(answer.call_id, answer.from_.tag)

    def _to_worker(
        self, answer: Message, worker: Worker, call: Outgoing | None, peer: Peer
    ) -> None:
        proxy = self._proxy
        if answer.cseq.method == b"INVITE" and 100 < answer.status < 300:
            sticky = self._sticky(call, peer)
            _append_record_route(answer, proxy.record_route(peer.flow, sticky))
        data, dropped = fit(answer)
        proxy.counters.trimmed += dropped
        if data is not None:
            proxy.to_worker(data, worker)
            return
        proxy.counters.too_big += 1
        if answer.status < 200:
            return
        status = answer.status
        if answer.cseq.method == b"INVITE" and call is not None and status < 300:
            # The worker cannot read what it was sent: the call is over before it began.
            self._farewell.hang_up(call, answer, bye=not call.orphan)
            call.orphan = True
            status = 513
        proxy.to_worker(bytes(response(answer, status)), worker)


def _append_record_route(answer: Message, ours: Header) -> None:
    """Behind the last Record-Route: a UAC reads them from the bottom (RFC 3261 12.1.2)."""
    place = 0
    for index, item in enumerate(answer.headers):
        if item.key in (b"via", b"record-route"):
            place = index + 1
    answer.headers.insert(place, ours)
