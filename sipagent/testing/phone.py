"""Phone: a scriptable softphone. It dials, is called, and hangs up whatever is left at the end."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Self
from urllib.parse import unquote

from sipagent.errors import LegFailed
from sipagent.tasks import stopped

from .call import PhoneCall
from .keys import Keys
from .negotiation import Negotiation
from .sip.agent import Kind, Outgoing, UserAgent
from .sip.dialog import Dialog, replaced
from .sip.digest import Credentials
from .sip.message import Headers, Request, address_uri
from .sip.transaction import ServerTransaction, Timers
from .sip.transport import Address, TlsEnds
from .stream import RtpStream

#: seconds a closing phone gives its peers to answer a BYE or a CANCEL
_PATIENCE = 2.0

OnCall = Callable[[PhoneCall], Awaitable[None]]


def answer_after(seconds: float = 0.0) -> OnCall:
    """Ring, then answer."""

    async def handle(call: PhoneCall) -> None:
        call.ring()
        await asyncio.sleep(seconds)
        call.answer()

    return handle


def refuse_with(status: int, headers: Headers = ()) -> OnCall:
    """Refuse at once."""

    async def handle(call: PhoneCall) -> None:
        call.refuse(status, headers)

    return handle


async def ring_for_ever(call: PhoneCall) -> None:
    """Ring, and leave it at that."""
    call.ring()


class Phone:
    """`async with Phone(user="alice") as phone:`; ports are free ones unless given.

    `on_call` handles each incoming call (default: answer at once). A REFER is obeyed: the
    referred call stands in `calls`, and its outcome is reported (`refer_status` other than 202
    refuses). `proxy` takes what we dial.
    `advertised` is what the phone believes to be its address, as one behind a NAT does.
    `events` are payload type and clock of the telephone-events offered, None for none.
    `keep_seconds` bounds the audio kept per call, for long or many calls.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        user: str = "phone",
        password: str | None = None,
        auth_user: str | None = None,
        transport: Kind = "udp",
        tls: TlsEnds | None = None,
        proxy: Address | None = None,
        advertised: Address | None = None,
        codecs: Sequence[str] = ("PCMU", "PCMA"),
        events: tuple[int, int] | None = (101, 8000),
        timers: Timers | None = None,
        keep_seconds: float | None = None,
    ) -> None:
        self.user = user
        self.on_call: OnCall = answer_after(0.0)
        #: every call so far, oldest first
        self.calls: list[PhoneCall] = []
        self.agent: UserAgent
        #: what a REFER gets
        self.refer_status = 202
        self._host = host
        self._codecs = tuple(codecs)
        self._events = events
        self._keep_seconds = keep_seconds
        self._arrived = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        credentials = None if password is None else Credentials(auth_user or user, password)
        self._open: Callable[[], Awaitable[UserAgent]] = lambda: UserAgent.open(
            user,
            self._on_invite,
            host=host,
            port=port,
            transport=transport,
            tls=tls,
            timers=timers,
            credentials=credentials,
            proxy=proxy,
            advertised=advertised,
        )

    async def __aenter__(self) -> Self:
        self.agent = await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def address(self) -> Address:
        """Where we listen for SIP."""
        return self.agent.address

    @property
    def uri(self) -> str:
        """How to call us: `sip:user@host:port`."""
        return self.agent.aor

    async def dial(
        self,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        caller: str | None = None,
        offer: bool = True,
    ) -> PhoneCall:
        """Send an INVITE to a SIP URI and return at once; then `call.wait_answered()`.

        `caller` replaces our own URI in From; without `offer` the far end makes one. Raises
        OSError when the host has no address, BadMessage when `target` is no SIP URI.
        """
        await self.agent.resolve(target)
        dialog = Dialog.outgoing(caller or self.agent.aor, target, self.agent.contact)
        call = self._call(dialog, None)
        call.session.invite(tuple((headers or {}).items()), offer=offer)
        return call

    async def wait_call(self, number: int = 1, timeout: float = 10.0) -> PhoneCall:
        """The phone's `number`th call, waiting for it to come. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while len(self.calls) < number:
                self._arrived.clear()
                await self._arrived.wait()
        return self.calls[number - 1]

    async def register(self, registrar: str, *, expires: int = 3600) -> list[str]:
        """Register `user` at a registrar (`sip:host:port`) once, or leave it with `expires` 0.

        Returns the Contact values it has of us now. Raises LegFailed when refused.
        """
        await self.agent.resolve(registrar)
        record = registrar.replace("sip:", f"sip:{self.user}@", 1)
        dialog = Dialog.outgoing(record, record, self.agent.contact)
        dialog.target = registrar
        response = await self.agent.ask(dialog, Outgoing("REGISTER", (("Expires", str(expires)),)))
        if response.status >= 300:
            raise LegFailed(response.status, response.reason)
        return response.all("Contact")

    async def options(self, target: str) -> int:
        """Send OPTIONS; the final status."""
        await self.agent.resolve(target)
        dialog = Dialog.outgoing(self.agent.aor, target, self.agent.contact)
        return (await self.agent.ask(dialog, Outgoing("OPTIONS"))).status

    async def message(self, target: str, text: str) -> int:
        """Send a text outside any call (RFC 3428); the final status."""
        await self.agent.resolve(target)
        dialog = Dialog.outgoing(self.agent.aor, target, self.agent.contact)
        out = Outgoing("MESSAGE", (), text.encode(), "text/plain;charset=utf-8")
        return (await self.agent.ask(dialog, out)).status

    @property
    def texts(self) -> list[str]:
        """The texts that came outside any call."""
        return [request.body.decode("utf-8", "replace") for request in self.agent.texts]

    def forget(self, call: PhoneCall) -> None:
        """Drop an ended call and the audio kept of it."""
        if call.ended.done() and call in self.calls:
            self.calls.remove(call)

    async def close(self) -> None:
        """Hang up what is left and free every port. Idempotent."""
        await stopped(*self._tasks)
        await asyncio.gather(*(_end(call) for call in self.calls if not call.ended.done()))
        await asyncio.gather(*(call.stream.close() for call in self.calls))
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.agent.close()

    def _call(self, dialog: Dialog, invite: Request | None) -> PhoneCall:
        keys = Keys()
        stream = RtpStream(self._host, keys.press, keep_seconds=self._keep_seconds)
        media = Negotiation(stream, self._codecs, self._events)
        call = PhoneCall(
            self.agent, dialog, stream, media, keys, invite=invite, on_refer=self._on_refer
        )
        call.ended.add_done_callback(lambda _: self._spawn(stream.close()))
        self.calls.append(call)
        self._arrived.set()
        return call

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_invite(self, request: Request, transaction: ServerTransaction) -> None:
        call = self._call(Dialog.incoming(request, self.agent.contact), request)
        call.session.invited(request, transaction)
        transaction.respond(request.reply(100))
        wanted = request.get("Replaces")
        if wanted:
            self._spawn(self._replace(call, wanted))
        else:
            self._spawn(self.on_call(call))

    async def _replace(self, call: PhoneCall, wanted: str) -> None:
        """Take the new call in place of the one it names (RFC 3891 section 3)."""
        found = self.agent.find(*replaced(wanted))
        old = next((c for c in self.calls if c.session is found), None)
        if old is None:
            call.refuse(481)
            return
        call.answer()
        await old.hangup()

    def _on_refer(self, call: PhoneCall, request: Request) -> int:
        if self.refer_status < 300:
            self._spawn(self._follow(call, request))
        return self.refer_status

    async def _follow(self, call: PhoneCall, request: Request) -> None:
        """Call whom a REFER names, and report how it went."""
        target, _, extra = address_uri(request.get("Refer-To")).partition("?")
        headers = {"Referred-By": request.get("Referred-By") or f"<{call.remote}>"}
        for part in extra.split("&"):
            name, _, value = part.partition("=")
            if name:
                headers[unquote(name)] = unquote(value)
        await call.notify(100, "Trying", final=False)
        try:
            referred = await self.dial(target, headers=headers)
            await referred.wait_answered()
        except (LegFailed, TimeoutError, OSError, ValueError) as error:
            status = error.status if isinstance(error, LegFailed) else 408
            await _report(call, status, str(error))
        else:
            await _report(call, 200, "OK")


async def _report(call: PhoneCall, status: int, reason: str) -> None:
    # who asked may have hung up meanwhile: then nobody is left to tell
    with suppress(LegFailed):
        await call.notify(status, reason, final=True)


async def _end(call: PhoneCall) -> None:
    """Hang up; a peer that does not answer is not waited for long."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await call.hangup()
    except TimeoutError:
        call.session.abandon()
