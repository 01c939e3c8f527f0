"""UserAgent: one SIP address; sends requests, proves who it is, and sorts what arrives."""

import asyncio
import ipaddress
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from . import digest
from .dialog import Dialog
from .digest import Credentials
from .matching import Transactions
from .message import BadMessage, Headers, Request, Response, parse, tag, uri
from .transaction import ServerTransaction, Timers
from .transport import Address, TlsEnds, Transport, open_tcp, open_udp
from .websocket import open_websocket

ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, MESSAGE, NOTIFY, PRACK, REFER, UPDATE"
#: messages kept for whoever wants to see what passed
_KEPT = 400
Kind = Literal["udp", "tcp", "tls", "ws", "wss"]
OnResponse = Callable[[Response], None]
OnInvite = Callable[[Request, ServerTransaction], None]


#: how a Contact says by which transport to come back; both kinds of WebSocket are `ws`
_PARAMETER = {
    "UDP": "",
    "TCP": ";transport=tcp",
    "TLS": ";transport=tls",
    "WS": ";transport=ws",
    "WSS": ";transport=ws",
}


class DialogUser(Protocol):
    """Whoever a dialog belongs to."""

    dialog: Dialog

    def receive(self, request: Request, transaction: ServerTransaction | None) -> None:
        """A request within the dialog; an ACK to a 2xx has no transaction."""
        ...

    def cancelled(self) -> None:
        """The INVITE that began it was cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a request says beyond its dialog."""

    method: str
    headers: Headers = ()
    body: bytes = b""
    content_type: str = "application/sdp"


class Exchange:
    """A request in flight, sent once more with credentials when the peer asks for them."""

    def __init__(
        self, agent: "UserAgent", dialog: Dialog, out: Outgoing, on_response: OnResponse
    ) -> None:
        self._agent = agent
        self._dialog = dialog
        self._out = out
        self._on_response = on_response
        self._proven = False
        self._hop = agent.hop(dialog)
        self.request = self._send(())

    def cancel(self, headers: Headers = ()) -> None:
        """Send CANCEL for it (section 9.1)."""
        sent = self.request
        names = ("from", "to", "call-id", "route", "max-forwards")
        kept = [
            ("Via", sent.all("Via")[0]),
            *((n, v) for n, v in sent.headers if n.lower() in names),
        ]
        kept += [("CSeq", f"{sent.cseq[0]} CANCEL"), *headers]
        cancel = Request(tuple(kept), method="CANCEL", uri=sent.uri)
        self._agent.transactions.request(cancel, self._hop, lambda _: None)

    def _send(self, proof: Headers) -> Request:
        out = self._out
        headers = (*out.headers, *proof)
        request = self._dialog.request(
            out.method,
            self._agent.via,
            headers=headers,
            body=out.body,
            content_type=out.content_type,
        )
        self._agent.transactions.request(request, self._hop, self._receive)
        return request

    def _receive(self, response: Response) -> None:
        credentials = self._agent.credentials
        if response.status in (401, 407) and credentials and not self._proven:
            sent = self.request
            proof = digest.answer(response, credentials, sent.method, sent.uri)
            if proof is not None:
                self._proven = True
                self.request = self._send((proof,))
                return
        self._on_response(response)


class UserAgent:
    """Make it with `await UserAgent.open(...)`. `proxy` takes every request without a route."""

    def __init__(
        self,
        user: str,
        on_invite: OnInvite,
        *,
        timers: Timers,
        credentials: Credentials | None,
        proxy: Address | None,
        advertised: Address | None = None,
    ) -> None:
        self.user = user
        self._advertised = advertised
        self.credentials = credentials
        self.proxy = proxy
        self.timers = timers
        self.transactions = Transactions(self._write, timers, self._on_request)
        self._on_invite = on_invite
        self._transport: Transport
        self._users: dict[str, DialogUser] = {}
        self._hosts: dict[str, str] = {}
        #: headers every INVITE, and every answer to one, carries
        self.features: Headers = (("Allow", ALLOW), ("Supported", "replaces"))
        #: datagrams that were no SIP message
        self.garbage = 0
        #: what passed: sent by us or not, and the message
        self.passed: deque[tuple[bool, bytes]] = deque(maxlen=_KEPT)
        #: every MESSAGE outside any call
        self.texts: list[Request] = []

    @classmethod
    async def open(
        cls,
        user: str,
        on_invite: OnInvite,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        transport: Kind = "udp",
        tls: TlsEnds | None = None,
        timers: Timers | None = None,
        credentials: Credentials | None = None,
        proxy: Address | None = None,
        advertised: Address | None = None,
    ) -> "UserAgent":
        """Bind and listen. `advertised` is where we believe to be, in place of where we are;
        `tls` is needed for tls and wss.

        Raises OSError.
        """
        timers = replace(timers or Timers(), reliable=transport != "udp")
        agent = cls(
            user,
            on_invite,
            timers=timers,
            credentials=credentials,
            proxy=proxy,
            advertised=advertised,
        )
        if transport == "udp":
            agent._transport = await open_udp(host, port, agent._receive)
        else:
            bind = open_websocket if transport in ("ws", "wss") else open_tcp
            agent._transport = await bind(host, port, agent._receive, tls)
        return agent

    @property
    def address(self) -> Address:
        """Where we listen."""
        return self._transport.local

    @property
    def aor(self) -> str:
        """Our address of record: `sip:user@host:port`."""
        host, port = self._advertised or self.address
        return f"sip:{self.user}@{bracketed(host)}:{port}"

    @property
    def contact(self) -> str:
        """Our Contact value."""
        return f"<{self.aor}{_PARAMETER[self._transport.name]}>"

    @property
    def via(self) -> str:
        """Our Via value, without a branch."""
        host, port = self._advertised or self.address
        return f"SIP/2.0/{self._transport.name} {bracketed(host)}:{port}"

    async def resolve(self, target: str) -> None:
        """Look the host of a URI up, once. Raises OSError when there is no such host."""
        host = uri(target).host.strip("[]")
        if host in self._hosts or _is_literal(host):
            return
        found = await asyncio.get_running_loop().getaddrinfo(host, None)
        self._hosts[host] = str(found[0][4][0])

    def hop(self, dialog: Dialog) -> Address:
        """Where the next request of a dialog is sent. Raises BadMessage for a bad URI."""
        if self.proxy is not None and not dialog.routes and not dialog.remote_tag:
            return self.proxy
        next_hop = uri(dialog.next_hop)
        host = next_hop.host.strip("[]")
        usual = 5061 if self._transport.name == "TLS" else 5060
        return self._hosts.get(host, host), next_hop.port or usual

    def send(self, dialog: Dialog, out: Outgoing, on_response: OnResponse) -> Exchange:
        """Send a request; `on_response` hears everything but a challenge we can meet."""
        return Exchange(self, dialog, out, on_response)

    async def ask(self, dialog: Dialog, out: Outgoing) -> Response:
        """Send a request and wait for its final response; 408 when none comes."""
        final: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def heard(response: Response) -> None:
            if response.status >= 200 and not final.done():
                final.set_result(response)

        self.send(dialog, out, heard)
        return await final

    def write(self, dialog: Dialog, request: Request) -> None:
        """Send a request outside any transaction: the ACK to a 2xx."""
        self._write(bytes(request), self.hop(dialog))

    def join(self, user: DialogUser) -> None:
        """Give `user` the requests of its dialog."""
        self._users[user.dialog.local_tag] = user

    def leave(self, user: DialogUser) -> None:
        """No more requests for `user`."""
        self._users.pop(user.dialog.local_tag, None)

    def find(self, call_id: str, local_tag: str, remote_tag: str) -> DialogUser | None:
        """The user of a dialog named by its parts (Replaces, RFC 3891)."""
        user = self._users.get(local_tag)
        if user is None or user.dialog.call_id != call_id:
            return None
        return user if user.dialog.remote_tag == remote_tag else None

    async def close(self) -> None:
        """Forget every transaction and free the sockets."""
        self.transactions.close()
        await self._transport.close()

    def messages(self, *, sent: bool, call_id: str) -> list[Request | Response]:
        """What was sent, or received, in a call, oldest first, retransmissions too."""
        read = [parse(data) for ours, data in self.passed if ours is sent]
        return [message for message in read if message.get("Call-ID") == call_id]

    def _write(self, data: bytes, to: Address) -> None:
        self.passed.append((True, data))
        self._transport.send(data, to)

    def _receive(self, data: bytes, source: Address) -> None:
        try:
            message = parse(data)
        except BadMessage:
            self.garbage += 1
            return
        self.passed.append((False, data))
        self.transactions.receive(message, source)

    def _on_request(self, request: Request, transaction: ServerTransaction | None) -> None:
        local_tag = tag(request.get("To"))
        if request.method == "CANCEL" and transaction is not None:
            self._cancel(request, transaction)
        elif local_tag:
            user = self._users.get(local_tag)
            if user is not None and user.dialog.matches(request):
                user.receive(request, transaction)
            elif transaction is not None:
                transaction.respond(request.reply(481))
        elif transaction is not None:
            self._on_new(request, transaction)

    def _on_new(self, request: Request, transaction: ServerTransaction) -> None:
        if request.method == "INVITE":
            self._on_invite(request, transaction)
        elif request.method in ("OPTIONS", "MESSAGE"):
            if request.method == "MESSAGE":
                self.texts.append(request)
            transaction.respond(request.reply(200, to_tag="new", headers=[("Allow", ALLOW)]))
        else:
            transaction.respond(request.reply(405, to_tag="new", headers=[("Allow", ALLOW)]))

    def _cancel(self, request: Request, transaction: ServerTransaction) -> None:
        invite = self.transactions.invite_of(request)
        transaction.respond(request.reply(200 if invite else 481, to_tag="new"))
        if invite is None or invite.answered:
            return
        for user in list(self._users.values()):
            if _began(user.dialog, invite.request):
                user.cancelled()


def _began(dialog: Dialog, invite: Request) -> bool:
    same = dialog.call_id == invite.get("Call-ID")
    return same and dialog.remote_tag == tag(invite.get("From"))


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def bracketed(host: str) -> str:
    """An address as it stands in a URI."""
    return f"[{host}]" if ":" in host else host
