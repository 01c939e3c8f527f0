"""Forks: a worker's INVITE for a phone of ours rings everywhere it has registered (RFC 3261 16.7).

All contacts at once, whatever their q: the first to answer wins and the others are cancelled.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .answers import Answers
from .best import best_of
from .bindings import Binding
from .farewell import ELSEWHERE, Farewell
from .headers import parse_name_addr, parse_uri, parse_via
from .listeners import Peer
from .message import Header, Message, header
from .patience import Patience
from .proxy import Proxy
from .registrar import Registrar
from .registration import extension_of
from .resolver import Resolver, Unreachable
from .responses import response
from .roster import Worker
from .transactions import OPEN, Outgoing, Repeater, State, Table, Transaction
from .trim import fit


@dataclass(slots=True, kw_only=True)
class Fork(Transaction):
    """The worker's INVITE, answered once by us; its branches are transactions of their own.

    `request` is as the worker sent it. `failures` lack our Via. `ending`: the worker cancelled,
    or somebody declined for all; `reasons` go with the CANCELs.
    """

    worker: Worker
    branches: list[Outgoing] = field(default_factory=list)
    failures: list[Message] = field(default_factory=list)
    winner: Outgoing | None = None
    ending: bool = False
    reasons: tuple[Header, ...] = ()


class Forks:
    """Stands between a worker, which sees one callee, and the contacts of a phone."""

    def __init__(
        self,
        proxy: Proxy,
        resolver: Resolver,
        registrar: Registrar,
        answers: Answers,
        farewell: Farewell,
    ) -> None:
        self._proxy = proxy
        self._resolver = resolver
        self._registrar = registrar
        self._answers = answers
        self._farewell = farewell
        self._table: Table[Fork] = Table(proxy.timers)
        self._patience = Patience(proxy.timers)
        self._finals = Repeater(proxy.timers)

    def on_change(self, changed: Callable[[Fork], None]) -> None:
        """Have `changed` told of each fork that begins, or is decided."""
        self._table.changed = changed

    def __len__(self) -> int:
        return len(self._table)

    def close(self) -> None:
        """Stop every timer."""
        self._patience.close()
        self._finals.close()

    def sweep(self, now: float) -> None:
        """Forget forks whose branches are all over."""
        self._table.sweep(now)

    def worker_gone(self, token: str) -> None:
        """Its branches are orphans now; Farewell ends them."""
        for fork in self._table.of(token):
            self._finals.stop(fork.branch)
            for call in fork.branches:
                self._patience.over(call.branch)
            self._table.settled(fork)

    # from a worker

    def take(self, request: Message, worker: Worker) -> bool:
        """True for an INVITE to a phone of ours, its CANCEL, and the ACK to its failure: they are
        dealt with here. Raises Bad.
        """
        key = self._proxy.identity.outward_branch(request.via.branch, request.call_id)
        fork = self._table.get(key)
        if fork is None:
            return request.method == b"INVITE" and self._begin(request, worker, key)
        if request.method == b"INVITE":
            self._say(fork, response(request, 100))
        elif request.method == b"CANCEL":
            self._say(fork, response(request, 200, tag=self._proxy.identity.tag(request)))
            reasons = (h for h in request.headers if h.key == b"reason")
            self._end(fork, tuple(reasons))
            self._conclude(fork)
        elif request.method == b"ACK":
            self._finals.stop(fork.branch)
            fork.move(State.CONFIRMED)
        return True

    def _begin(self, request: Message, worker: Worker, key: bytes) -> bool:
        proxy = self._proxy
        uri = parse_uri(request.uri)
        extension = extension_of(request.uri)
        known = extension in self._registrar.extensions
        if request.to.tag or not known or not proxy.identity.is_ours(uri.address):
            return False
        fork = Fork(branch=key, request=request, token=worker.token, worker=worker)
        self._table.add(fork)
        proxy.counters.forked += 1
        self._say(fork, response(request, 100))
        if self._registrar.shares:
            proxy.tasks.start(self._hear_and_ring(fork, extension))
        else:
            self._ring_all(fork, extension)
        return True

    async def _hear_and_ring(self, fork: Fork, extension: str) -> None:
        """It may have registered at another node a moment ago."""
        await self._registrar.refresh(extension)
        if fork.state in OPEN and self._proxy.roster.get(fork.worker.token) is not None:
            self._ring_all(fork, extension)

    def _ring_all(self, fork: Fork, extension: str) -> None:
        proxy = self._proxy
        now = asyncio.get_running_loop().time()
        bindings = self._registrar.bindings.of(extension, now)
        fork.branches += [self._branch(fork, n, b) for n, b in enumerate(bindings)]
        for call, binding in zip(fork.branches, bindings, strict=True):
            peer = proxy.live(binding.contact.peer)
            if peer is not None:
                self._ring(fork, call, peer)
            else:
                proxy.tasks.start(self._find_and_ring(fork, call, binding))
        if not bindings:
            self._fail(fork, 480)
        self._conclude(fork)

    def _branch(self, fork: Fork, number: int, binding: Binding) -> Outgoing:
        """The INVITE as one contact gets it; Path is its route set (RFC 3327 section 5.3)."""
        request = fork.request.copy()
        request.set_uri(binding.contact.uri)
        request.headers += [header(b"Route", route) for route in binding.origin.path]
        identity = self._proxy.identity
        branch = identity.outward_branch(b"%b.%d" % (fork.branch, number), request.call_id)
        call = Outgoing(branch=branch, request=request, token=fork.token, fork=fork.branch)
        self._proxy.outgoing.add(call)
        return call

    def _ring(self, fork: Fork, call: Outgoing, peer: Peer) -> None:
        """Send it, by timers A and B: the worker has its 100 and will not ask again."""
        proxy = self._proxy
        data = proxy.send_on(call.request, peer, call.branch)
        if data is None:
            self._lost(fork, call, 480)
            return
        call.peer, call.request.body = peer, b""
        proxy.outgoing.changed(call)
        if not proxy.listeners.reliable(peer.flow):
            self._patience.resend(call.branch, lambda: self._resend(data, peer))
        self._give_time(fork, call)

    def _resend(self, data: bytes, peer: Peer) -> None:
        self._proxy.listeners.send(data, peer)

    async def _find_and_ring(self, fork: Fork, call: Outgoing, binding: Binding) -> None:
        """Its connection is closed: perhaps it takes another. The same host, or nobody."""
        path, contact = binding.origin.path, binding.contact
        hop = parse_uri(parse_name_addr(path[0]).uri if path else contact.uri)
        try:
            if hop.host != contact.peer.host or hop.transport == "udp":
                raise Unreachable("the connection it registered by is closed")
            peer = await self._resolver.find(hop)
        except Unreachable:
            self._lost(fork, call, 480)
            return
        if fork.state in OPEN and not fork.ending:
            self._ring(fork, call, peer)
        else:
            self._lost(fork, call, 487)

    # from the world

    def answered(self, answer: Message, peer: Peer) -> bool:
        """True for an answer of a contact to an INVITE. Raises Bad."""
        vias = answer.values(b"via")
        call = self._proxy.outgoing.get(parse_via(vias[0]).branch)
        if call is None or call.fork is None or len(vias) < 2:
            return False
        fork = self._table.get(call.fork)
        if answer.cseq.method != b"INVITE" or fork is None:
            return False
        if self._proxy.roster.get(fork.worker.token) is None:
            return False
        answer.pop_via()
        self._proxy.saw(answer, peer, inward=True)
        if answer.status < 200:
            self._progressed(fork, call, answer, peer)
        elif answer.status < 300:
            self._accepted(fork, call, answer, peer)
        else:
            self._failed(fork, call, answer)
        return True

    def _progressed(self, fork: Fork, call: Outgoing, answer: Message, peer: Peer) -> None:
        self._patience.over(call.branch)
        began = call.move(State.PROCEEDING)
        if began:
            self._proxy.outgoing.changed(call)
        if fork.state not in OPEN or fork.ending:
            if began:  # it may be cancelled only now (9.1)
                self._cancel(fork, call)
        elif answer.status > 100:
            fork.move(State.PROCEEDING)
            self._answers.deliver(answer, fork.worker, call, peer)

    def _accepted(self, fork: Fork, call: Outgoing, answer: Message, peer: Peer) -> None:
        self._patience.over(call.branch)
        first = call.move(State.ACCEPTED)
        if fork.state in OPEN:
            fork.move(State.ACCEPTED)
            fork.winner = call
            self._table.changed(fork)
            self._answers.deliver(answer, fork.worker, call, peer)
            self._proxy.dialogs.failed(answer.call_id, answer.from_.tag)  # early ones of others
            self._end(fork, (ELSEWHERE,))
        elif fork.winner is call:
            self._answers.deliver(answer, fork.worker, call, peer)
        else:
            self._farewell.hang_up(call, answer, bye=first, reason=ELSEWHERE)
        self._settle(fork, call)

    def _failed(self, fork: Fork, call: Outgoing, answer: Message) -> None:
        self._patience.over(call.branch)
        self._farewell.acknowledge_failure(call, answer)
        if not call.move(State.COMPLETED):
            return
        self._settle(fork, call)
        fork.failures.append(answer)
        if answer.status >= 600:
            self._end(fork, ())
        self._conclude(fork)

    def _lost(self, fork: Fork, call: Outgoing, status: int) -> None:
        """A contact that said nothing, or cannot be reached."""
        self._patience.over(call.branch)
        if call.move(State.COMPLETED):
            self._fail(fork, status)
            self._settle(fork, call)
            self._conclude(fork)

    def _fail(self, fork: Fork, status: int) -> None:
        tag = self._proxy.identity.tag(fork.request)
        fork.failures.append(response(fork.request, status, tag=tag))

    # the outcome

    def _end(self, fork: Fork, reasons: tuple[Header, ...]) -> None:
        """Nobody else need answer: CANCEL to those that ring, silence to those that do not yet."""
        if fork.ending:
            return
        fork.ending, fork.reasons = True, reasons
        for call in fork.branches:
            self._patience.hush(call.branch)
            if call.state is State.PROCEEDING:
                self._cancel(fork, call)

    def _cancel(self, fork: Fork, call: Outgoing) -> None:
        self._farewell.cancel(call, fork.reasons)
        self._give_time(fork, call)

    def _conclude(self, fork: Fork) -> None:
        """Answer the worker with the best failure once nobody is left to wait for (step 6)."""
        waited_for = {State.PROCEEDING} if fork.ending else OPEN
        if fork.state not in OPEN or any(c.state in waited_for for c in fork.branches):
            return
        if fork.ending and not fork.failures:
            self._fail(fork, 487)
        answer = best_of(fork.failures)
        fork.move(State.COMPLETED)
        self._table.changed(fork)
        self._proxy.dialogs.failed(answer.call_id, answer.from_.tag)
        data = fit(answer)[0] or bytes(response(answer, answer.status))
        worker = fork.worker
        self._finals.start(fork.branch, lambda: self._proxy.to_worker(data, worker))
        self._let_go(fork)

    def _say(self, fork: Fork, answer: Message) -> None:
        self._proxy.to_worker(bytes(answer), fork.worker)

    def _give_time(self, fork: Fork, call: Outgoing) -> None:
        """Timer B, and after a CANCEL as long again (9.1)."""
        self._patience.limit(call.branch, lambda: self._lost(fork, call, 408))

    def _settle(self, fork: Fork, call: Outgoing) -> None:
        self._proxy.outgoing.settled(call)
        self._let_go(fork)

    def _let_go(self, fork: Fork) -> None:
        """Forget it some time after the last word of the last branch."""
        if fork.state not in OPEN and _all_over(fork.branches):
            self._table.settled(fork)


def _all_over(branches: Iterable[Outgoing]) -> bool:
    return all(call.state not in OPEN for call in branches)
