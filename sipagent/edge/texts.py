"""Texts: SIP MESSAGE (RFC 3428) at the front door, from the world and from workers."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from sipagent.config import Settings
from sipagent.worker.texting import SENDER_HEADER

from .courier import Courier, Text, sender_of
from .desk import NewText, Refused
from .guard import Guard, Verdict
from .headers import Bad, parse_uri
from .identity import hostport
from .inward import Arrival, reply
from .listeners import Peer
from .message import Message, header
from .proxy import Proxy
from .registration import extension_of
from .responses import Final, response
from .roster import Worker
from .trunks.account import Account
from .trunks.board import Trunks

_log = structlog.get_logger(__name__)
_PLAIN = b"text/plain"
_ACCEPT = (header(b"Accept", _PLAIN),)
_MARK = SENDER_HEADER.lower().encode()
_MINUTE = 60.0
#: senders whose pace is known, and answers kept for those who ask again
_SENDERS = 1_000
_ANSWERS = 1_000


class Texts:
    """Judges a text, then has it delivered to a phone, the desk, a trunk or a URI.

    A MESSAGE outside a dialog is answered when its own delivery is, so that the sender hears what
    became of it; meanwhile, and for a while after, it is known again by its branch.
    """

    def __init__(
        self, proxy: Proxy, guard: Guard, trunks: Trunks, courier: Courier, settings: Settings
    ) -> None:
        self._proxy = proxy
        self._guard = guard
        self._trunks = trunks
        self._courier = courier
        self._phones = settings.phones
        self._limits = settings.messages
        #: when each sender sent within the last minute
        self._sent: OrderedDict[str, deque[float]] = OrderedDict()
        self._answers: OrderedDict[bytes, bytes] = OrderedDict()

    def judge(self, request: Message, sender: str) -> Final | None:
        """Why a text is not taken; None for one that is."""
        kind = request.text(b"content-type").partition(b";")[0].strip().lower()
        if kind != _PLAIN or request.get(b"content-encoding") is not None:
            return Final(415, _ACCEPT)
        if len(request.body) > self._limits.max_bytes:
            return Final(513)
        try:
            words_of(request)
        except Bad as bad:
            return Final(bad.status)
        if not self._in_time(sender):
            return Final(503, (header(b"Retry-After", b"10"),))
        return None

    # from the world

    def arrived(self, arrival: Arrival) -> None:
        """A MESSAGE outside any dialog."""
        if self._again(arrival.branch, lambda d: self._proxy.listeners.send(d, arrival.reply_to)):
            return
        request = arrival.request
        verdict = self._guard.judge(request, arrival.source)
        if verdict.status:
            reply(self._proxy, arrival, verdict.status, extra=verdict.extra)
            return
        if wanted := [v for v in request.values(b"require") if v]:
            unknown = header(b"Unsupported", b", ".join(wanted))
            reply(self._proxy, arrival, 420, extra=(unknown,))
            return
        no = self.judge(request, _sender(request, verdict, arrival.source))
        if no is not None:
            reply(self._proxy, arrival, no.status, extra=no.extra)
            return
        trunk = self._trunks.get(verdict.trunk)

        def answer(final: Final) -> bytes:
            tag = self._proxy.identity.tag(request)
            data = bytes(response(request, final.status, final.reason, tag=tag, extra=final.extra))
            self._proxy.listeners.send(data, arrival.reply_to)
            return data

        work = self._take(request, arrival.source, verdict.account, trunk)
        self._start(arrival.branch, work, answer)

    async def _take(
        self, request: Message, peer: Peer, account: str | None, trunk: Account | None
    ) -> Final:
        caller, callee, number = self._trunks.told(trunk, request)
        if number in self._phones:
            sender = self._known_as(account) if account in self._phones else sender_of(request)
            return await self._courier.to_phone(number, _text(sender, request))
        words = words_of(request)
        text = NewText(caller, callee, number, words, (peer.host, peer.port), account)
        try:
            async with asyncio.timeout(self._proxy.timers.admit):
                return Final(await self._proxy.desk.text(text))
        except Refused as no:
            return Final(no.status, reason=no.reason)

    def _known_as(self, account: str | None) -> bytes:
        """A phone of ours, whatever it wrote into From."""
        name = self._phones[account or ""].display_name
        shown = b'"%b" ' % name.replace("\\", "").replace('"', "").encode() if name else b""
        here = hostport(self._proxy.identity.public)
        return b"%b<sip:%b@%b>" % (shown, (account or "").encode(), here)

    # from a worker

    def take(self, request: Message, worker: Worker, trunk: Account | None) -> bool:
        """True for a MESSAGE outside any dialog: it is delivered here. Raises Bad."""
        if request.method != b"MESSAGE" or request.to.tag:
            return False
        branch = b"w" + self._proxy.identity.outward_branch(request.via.branch, request.call_id)
        if self._again(branch, lambda d: self._proxy.to_worker(d, worker)):
            return True

        def answer(final: Final) -> bytes:
            tag = self._proxy.identity.tag(request)
            data = bytes(response(request, final.status, final.reason, tag=tag))
            self._proxy.to_worker(data, worker)
            return data

        self._start(branch, self._send(request, trunk), answer)
        return True

    async def _send(self, request: Message, trunk: Account | None) -> Final:
        shown = request.get(_MARK)
        sender = b"<%b>" % request.from_.uri if shown is None else shown
        text, uri = _text(sender, request), request.uri
        if trunk is not None:
            return await self._courier.by_trunk(trunk, uri, text)
        extension = extension_of(uri)
        if extension in self._phones and self._proxy.identity.is_ours(parse_uri(uri).address):
            return await self._courier.to_phone(extension, text)
        return await self._courier.to_uri(uri, text)

    # both

    def _again(self, branch: bytes, send: Callable[[bytes], object]) -> bool:
        """True for one that is known: answered as before, or still on its way."""
        known = self._answers.get(branch)
        if known:
            send(known)
        return known is not None

    def _start(
        self,
        branch: bytes,
        work: Coroutine[Any, Any, Final],
        answer: Callable[[Final], bytes],
    ) -> None:
        while len(self._answers) >= _ANSWERS:
            self._answers.popitem(last=False)
        self._answers[branch] = b""
        self._proxy.tasks.start(self._finish(branch, work, answer))

    async def _finish(
        self, branch: bytes, work: Coroutine[Any, Any, Final], answer: Callable[[Final], bytes]
    ) -> None:
        final = Final(500)
        try:
            final = await work
        except Bad as bad:
            final = Final(bad.status, reason=bad.reason)
        except TimeoutError:
            final = Final(503)
        finally:
            self._answers[branch] = answer(final)
            asyncio.get_running_loop().call_later(
                self._proxy.timers.give_up, self._answers.pop, branch, None
            )

    def _in_time(self, sender: str) -> bool:
        """False when this sender has had its minute's texts."""
        now = asyncio.get_running_loop().time()
        times = self._sent.setdefault(sender, deque())
        self._sent.move_to_end(sender)
        while len(self._sent) > _SENDERS:
            self._sent.popitem(last=False)
        while times and now - times[0] >= _MINUTE:
            times.popleft()
        if len(times) >= self._limits.per_minute:
            return False
        times.append(now)
        return True


def _sender(request: Message, verdict: Verdict, peer: Peer) -> str:
    """Whose pace counts: a phone's, a guest's by its address, and behind a trunk each caller's."""
    if verdict.trunk is not None:
        return f"{verdict.trunk} {request.from_.uri.decode('utf-8', 'replace')}"
    return verdict.account or peer.host


def words_of(request: Message) -> str:
    """The body as text, whatever its charset. Raises Bad."""
    _, _, parameters = request.text(b"content-type").lower().partition(b"charset=")
    charset = parameters.partition(b";")[0].strip(b' "').decode("ascii", "replace") or "utf-8"
    try:
        return request.body.decode(charset)
    except LookupError:
        raise Bad("unknown charset", 415) from None
    except UnicodeDecodeError:
        raise Bad("the body is not in its charset") from None


def _text(sender: bytes, request: Message) -> Text:
    return Text(sender, request.text(b"content-type"), request.body)
