"""Admission: an INVITE that starts a call, from the guard to the desk to its worker."""

import asyncio

import structlog

from .desk import Admitted, NewCall, Refused
from .farewell import Farewell
from .guard import Guard
from .headers import Bad, parse_name_addr, parse_uri
from .identity import TOKEN_PREFIX
from .inward import Arrival, forward, reply
from .message import Header, Message
from .offer import check_offer, prefer
from .proxy import Proxy
from .referrals import replaced
from .responses import response, retry_after, unsupported
from .roster import Worker
from .strict import check_readable
from .transactions import OPEN, Incoming, State
from .trunks.account import Account
from .trunks.board import Trunks

_log = structlog.get_logger(__name__)
_NOT_NEWS = frozenset(
    b"via route record-route from to cseq max-forwards content-length content-type "
    b"authorization proxy-authorization".split()
)


class Admission:
    """Turns strangers away before they cost a worker."""

    def __init__(self, proxy: Proxy, guard: Guard, farewell: Farewell, trunks: Trunks) -> None:
        self._trunks = trunks
        self._proxy = proxy
        self._guard = guard
        self._farewell = farewell

    def invite(self, arrival: Arrival) -> None:
        """A new INVITE outside any dialog. Raises Bad."""
        proxy, request = self._proxy, arrival.request
        proxy.counters.invites += 1
        self._check(request)
        if self._unsupported(arrival) or self._merged(arrival):
            return
        verdict = self._guard.judge(request, arrival.source)
        trunk = self._trunks.get(verdict.trunk)
        if verdict.status:
            proxy.counters.challenged += verdict.status == 401
            self._refuse(arrival, verdict.status, extra=verdict.extra)
        elif not self._guard.rate.take() or proxy.incoming.full:
            self._refuse(arrival, 503, extra=(retry_after(1),))
        elif trunk is not None and (why := trunk.capacity.refusal(request)):
            _log.warning("trunk_full", trunk=trunk.name, why=why)
            self._refuse(arrival, 503, extra=(retry_after(5),))
        else:
            self._accept(arrival, verdict.account, trunk)

    def _accept(self, arrival: Arrival, account: str | None, trunk: Account | None) -> None:
        proxy, request = self._proxy, arrival.request
        uri = parse_uri(request.uri)
        known = None
        if request.get(b"replaces") is not None:
            status, token = replaced(request, proxy.dialogs)
            known = proxy.roster.get(token)
            if known is None:
                self._refuse(arrival, status or 481)
                return
        elif uri.user.startswith(TOKEN_PREFIX):
            self._refuse(arrival, 404)
            return
        transaction = Incoming(
            branch=arrival.branch,
            request=request,
            reply_to=arrival.reply_to,
            sticky=proxy.sticky(request, arrival.peer),
        )
        if trunk is not None:
            transaction.trunk = trunk.name
            trunk.capacity.enter(transaction)
            prefer(request, trunk.trunk.codecs)
        proxy.incoming.add(transaction)
        proxy.listeners.send(bytes(response(request, 100)), arrival.reply_to)
        if known is not None:
            self._give(transaction, arrival, known)
        else:
            call = self._in_plain_words(arrival, account, trunk)
            proxy.tasks.start(self._ask(transaction, arrival, call))

    async def _ask(self, transaction: Incoming, arrival: Arrival, call: NewCall) -> None:
        """Ask the desk and act on its answer; a caller who left meanwhile costs nothing."""
        try:
            async with asyncio.timeout(self._proxy.timers.admit):
                admitted = await self._proxy.desk.admit(call)
        except Refused as no:
            self._proxy.counters.refused += 1
            self._farewell.refuse(transaction, no.status, no.reason, self._extra(no, arrival))
        except TimeoutError:
            _log.warning("sip_admission_timed_out", sip_call_id=call.sip_call_id)
            self._proxy.counters.refused += 1
            self._farewell.refuse(transaction, 503, extra=(retry_after(5),))
        else:
            self._admitted(transaction, arrival, admitted)
        finally:
            if transaction.state is State.TRYING:  # the desk broke, or we are closing
                self._farewell.refuse(transaction, 500)

    def _extra(self, no: Refused, arrival: Arrival) -> tuple[Header, ...]:
        """What goes with a refusal of the desk."""
        if no.status == 401:
            self._proxy.counters.challenged += 1
            return self._guard.challenged(arrival.request, arrival.source).extra
        return (retry_after(no.retry_after),) if no.retry_after is not None else ()

    def _admitted(self, transaction: Incoming, arrival: Arrival, admitted: Admitted) -> None:
        worker = self._proxy.roster.add(admitted.token, admitted.address)
        if transaction.state is not State.TRYING or not self._give(transaction, arrival, worker):
            self._proxy.desk.abandoned(admitted.token)

    def _give(self, transaction: Incoming, arrival: Arrival, worker: Worker) -> bool:
        """Hand the INVITE to the worker. False when it did not fit; the caller knows."""
        proxy = self._proxy
        if not forward(proxy, arrival, worker):
            self._farewell.refuse(transaction, 513)
            return False
        proxy.counters.admitted += 1
        proxy.saw(response(arrival.request, 100), arrival.reply_to, inward=False)
        proxy.incoming.give(transaction, worker.token)
        transaction.move(State.PROCEEDING)
        proxy.incoming.changed(transaction)
        return True

    def cancel(self, transaction: Incoming) -> None:
        """The caller hung up before a worker was chosen."""
        if transaction.state in OPEN:
            self._proxy.counters.cancelled += 1
            self._farewell.refuse(transaction, 487)

    def _check(self, request: Message) -> None:
        """What a worker's stack would choke on, or not answer at all."""
        contacts = request.values(b"contact")
        if len(contacts) != 1:
            raise Bad("an INVITE has one Contact")
        try:
            parse_uri(parse_name_addr(contacts[0]).uri)
        except Bad as bad:
            raise Bad("Contact is not a SIP address") from bad
        check_readable(request)
        check_offer(request)
        if request.body and request.get(b"content-type") is None:
            raise Bad("a body without Content-Type")

    def _unsupported(self, arrival: Arrival) -> bool:
        wanted = unsupported(arrival.request)
        if wanted:
            self._refuse(arrival, 420, extra=wanted)
        return bool(wanted)

    def _merged(self, arrival: Arrival) -> bool:
        """RFC 3261 8.2.2.2: the same INVITE over two paths must not become two calls."""
        merged = self._proxy.incoming.holds(arrival.request)
        if merged:
            self._refuse(arrival, 482)
        return merged

    def _refuse(self, arrival: Arrival, status: int, extra: tuple[Header, ...] = ()) -> None:
        """Before the 100 nothing is kept: the caller retransmits until it hears us."""
        self._proxy.counters.refused += status != 401
        reply(self._proxy, arrival, status, extra=extra)

    def _in_plain_words(
        self, arrival: Arrival, account: str | None, trunk: Account | None
    ) -> NewCall:
        request, source = arrival.request, arrival.source
        flow = self._proxy.listeners.flow(source.flow)
        caller, callee, number = self._trunks.told(trunk, request)
        headers: dict[str, str] = {}
        for item in request.headers:
            if item.key not in _NOT_NEWS:
                name = _canonical(item)
                value = _text(item.value)
                headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return NewCall(
            sip_call_id=_text(request.call_id),
            caller=caller,
            callee=callee,
            number=number,
            source=(source.host, source.port),
            transport=flow.transport.lower() if flow is not None else "udp",
            account=account,
            headers=headers,
        )


def _canonical(item: Header) -> str:
    """The header's name as written, or its long form where a compact one was."""
    name = item.line.partition(b":")[0].strip()
    return _text(name if name.lower() == item.key else item.key.title())


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
