"""Farewell: ends what a dead worker left behind, with requests and failures of our own."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from sipagent.call.reasons import NORMAL

from .dialogs import Dialog, Key
from .headers import Bad, parse_name_addr, parse_uri
from .identity import hostport, unveiled
from .listeners import LOOP, Peer
from .message import Header, Message, header
from .proxy import Proxy
from .resolver import Resolver, Unreachable
from .responses import response, retry_after
from .transactions import OPEN, Incoming, Outgoing, Repeater, State

_log = structlog.get_logger(__name__)
_REASON = header(b"Reason", b'SIP;cause=500;text="worker lost"')
#: of a worker that ended its call, and left before the far end had answered its BYE
_ENDED = header(b"Reason", str(NORMAL).encode())
#: RFC 3326: for those who did not get the call, so that they show no missed call
ELSEWHERE = header(b"Reason", b'SIP;cause=200;text="Call completed elsewhere"')
_EMPTY = header(b"Content-Length", b"0")
#: seconds until a machine too busy to begin a call is worth another try
_RECOVERY = 5
_HOPS = header(b"Max-Forwards", b"70")


class Farewell:
    """Timers E and G of our own BYEs, CANCELs and failures; each stops with its answer."""

    def __init__(self, proxy: Proxy, resolver: Resolver) -> None:
        self._proxy = proxy
        self._resolver = resolver
        self._repeater = Repeater(proxy.timers)

    def close(self) -> None:
        """Stop repeating."""
        self._repeater.close()

    def worker_gone(self, token: str, *, too_slow: bool = False, orderly: bool = False) -> None:
        """BYE for confirmed dialogs, 500 for INVITEs unanswered (503 where the worker was
        `too_slow` to take them), CANCEL for INVITEs in flight. After an `orderly` end BYE and
        CANCEL do not tell of a failure.
        """
        reason = _ENDED if orderly else _REASON
        for transaction in self._proxy.incoming.of(token):
            if transaction.state in OPEN and too_slow:
                self.refuse(transaction, 503, extra=(retry_after(_RECOVERY),))
            elif transaction.state in OPEN:
                self.refuse(transaction, 500)
            elif transaction.state is State.COMPLETED and not transaction.own:
                self._repeat_final(transaction)  # as the worker would have, until the ACK
        for call in self._proxy.outgoing.of(token):
            self._proxy.outgoing.settled(call)
            if call.state in OPEN and not call.request.to.tag:
                call.orphan = True
                if call.state is State.PROCEEDING:
                    self.cancel(call, (reason,))
        for dialog in self._proxy.dialogs.take(token):
            if dialog.confirmed:
                self._bye(dialog, reason)

    def refuse(
        self,
        transaction: Incoming,
        status: int,
        reason: str = "",
        extra: tuple[Header, ...] = (),
    ) -> None:
        """A failure of our own for an INVITE, repeated until its ACK where the way is lossy.

        The caller stopped retransmitting at our 100, so a lost failure would leave it waiting.
        """
        if not transaction.move(State.COMPLETED):
            return
        tag = self._proxy.identity.tag(transaction.request)
        transaction.own = True
        self._proxy.doorman.refused(transaction.request, transaction.reply_to, status)
        answer = response(transaction.request, status, reason, tag=tag, extra=extra)
        transaction.final = bytes(answer)
        if transaction.token is not None:
            self._proxy.saw(answer, transaction.reply_to, inward=False)
        self._proxy.incoming.settled(transaction)
        self._repeat_final(transaction)

    def acknowledged(self, transaction: Incoming) -> None:
        """The ACK came."""
        self._repeater.stop(transaction.branch)
        transaction.move(State.CONFIRMED)

    def _repeat_final(self, transaction: Incoming) -> None:
        def send() -> None:
            self._proxy.listeners.send(transaction.final, transaction.reply_to)

        self._repeat(transaction.branch, transaction.reply_to, send)

    def _repeat(self, key: bytes, peer: Peer, send: Callable[[], None]) -> None:
        if self._proxy.listeners.reliable(peer.flow):
            send()
        else:
            self._repeater.start(key, send)

    def answered(self, answer: Message) -> bool:
        """A response with one Via. True when it answers a request of ours."""
        if answer.status < 200:
            return answer.via.branch in self._repeater
        return self._repeater.stop(answer.via.branch)

    def orphan_answered(self, call: Outgoing, answer: Message) -> None:
        """The world answered an INVITE whose worker is dead: CANCEL, ACK, or ACK and BYE."""
        if answer.status < 200:
            if call.move(State.PROCEEDING):
                self._proxy.outgoing.settled(call)
                self.cancel(call)
            return
        self._repeater.stop(call.branch)
        first = call.move(State.ACCEPTED if answer.status < 300 else State.COMPLETED)
        self._proxy.outgoing.settled(call)
        if answer.status >= 300:
            self.acknowledge_failure(call, answer)
            return
        self.hang_up(call, answer, bye=first)

    def too_late(self, call: Outgoing, answer: Message, peer: Peer) -> None:
        """A place that kept silent answers an INVITE that went elsewhere since."""
        if answer.cseq.method == b"INVITE" and 200 <= answer.status < 300:
            answer.pop_via()
            self.hang_up(replace(call, peer=peer), answer, bye=True)

    def hang_up(
        self, call: Outgoing, answer: Message, *, bye: bool, reason: Header = _REASON
    ) -> None:
        """ACK a 2xx in the worker's place and end that dialog; no `bye` for a 2xx that came
        again because our ACK got lost.
        """
        dialogs, peer = self._proxy.dialogs, call.peer
        always = call.fork is not None
        sticky = peer if peer and (always or self._proxy.listeners.reliable(peer.flow)) else None
        flow = peer.flow if peer else LOOP
        dialogs.answered_by_world(call.token or "", answer, flow, sticky)
        dialog = dialogs.ended(Key(answer.call_id, answer.from_.tag, answer.to.tag))
        if dialog is not None:
            ack = self._in_dialog(dialog, b"ACK", answer.cseq.number)
            self._deliver(dialog, ack, repeat=False)
            if bye:
                self._bye(dialog, reason)

    def _bye(self, dialog: Dialog, reason: Header = _REASON) -> None:
        self._proxy.counters.byes_for_workers += 1
        request = self._in_dialog(dialog, b"BYE", dialog.cseq + 1)
        request.headers.append(reason)
        self._deliver(dialog, request, repeat=True)

    def _in_dialog(self, dialog: Dialog, method: bytes, number: int) -> Message:
        """A request as the worker would have made it (RFC 3261 section 12.2.1.1), but no Via."""
        request = Message(b"", [_HOPS])
        request.method = method
        request.set_uri(dialog.target)
        request.headers += [
            *(header(b"Route", route) for route in dialog.routes),
            header(b"From", dialog.local),
            header(b"To", dialog.remote),
            header(b"Call-ID", dialog.key.call_id),
            header(b"CSeq", b"%d %b" % (number, method)),
            _EMPTY,
        ]
        return request

    def _deliver(self, dialog: Dialog, request: Message, *, repeat: bool) -> None:
        peer = self._proxy.live(dialog.peer)
        if peer is not None:
            self._send(request, peer, repeat=repeat)
        else:
            self._proxy.tasks.start(self._find_and_send(dialog, request, repeat=repeat))

    async def _find_and_send(self, dialog: Dialog, request: Message, *, repeat: bool) -> None:
        try:
            hop = parse_name_addr(dialog.routes[0]).uri if dialog.routes else dialog.target
            peer = await self._resolver.find(parse_uri(hop), dialog.flow)
        except (Bad, Unreachable) as error:
            self._proxy.counters.unreachable += 1
            _log.warning("sip_farewell_failed", method=request.method, error=str(error))
            return
        self._send(request, peer, repeat=repeat)

    def _send(self, request: Message, peer: Peer, *, repeat: bool) -> None:
        proxy = self._proxy
        flow = proxy.listeners.flow(peer.flow)
        if flow is None:
            proxy.counters.unreachable += 1
            return
        branch = b"z9hG4bK" + secrets.token_hex(10).encode()
        sent_by = hostport(proxy.identity.advertised(flow.transport, flow.local))
        via = f"SIP/2.0/{flow.transport} ".encode() + sent_by + b";branch=" + branch + b";rport"
        request.headers.insert(0, header(b"Via", via))
        data = bytes(request)
        proxy.saw(request, peer, inward=False)
        if repeat:
            self._repeat(branch, peer, lambda: self._send_now(data, peer))
        else:
            self._send_now(data, peer)

    def cancel(self, call: Outgoing, reasons: Sequence[Header] = (_REASON,)) -> None:
        """CANCEL goes where the INVITE went, with its branch (RFC 3261 section 9.1)."""
        peer = call.peer
        if peer is None:
            return
        request = self._hop_by_hop(call, b"CANCEL", call.request.text(b"to"))
        request.headers += [*reasons, _EMPTY]
        self._proxy.saw(request, peer, inward=False)
        data = bytes(request)
        self._repeat(call.branch, peer, lambda: self._send_now(data, peer))

    def acknowledge_failure(self, call: Outgoing, answer: Message) -> None:
        """ACK to a failure of the world (RFC 3261 section 17.1.1.3); it ends a CANCEL as well."""
        self._repeater.stop(call.branch)
        request = self._hop_by_hop(call, b"ACK", answer.text(b"to"))
        request.headers.append(_EMPTY)
        self._send_now(bytes(request), call.peer)

    def _hop_by_hop(self, call: Outgoing, method: bytes, to: bytes) -> Message:
        invite = call.request
        request = Message(b"", [])
        request.method = method
        request.set_uri(invite.uri)
        request.headers = [
            header(b"Via", unveiled(invite.via.text)),
            _HOPS,
            *(h for h in invite.headers if h.key in (b"route", b"from", b"call-id")),
            header(b"To", to),
            header(b"CSeq", b"%d %b" % (invite.cseq.number, method)),
        ]
        return request

    def _send_now(self, data: bytes, peer: Peer | None) -> None:
        if peer is not None:
            self._proxy.listeners.send(data, peer)
