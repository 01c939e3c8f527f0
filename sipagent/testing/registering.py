"""REGISTER by hand: what a phone sends a registrar, word for word, with credentials that fit."""

import secrets
from collections.abc import Callable, Sequence

from sipagent.edge.message import Message, parse

from .frontdoor import SipPeer
from .sip import digest
from .sip.digest import Credentials
from .sip.message import Response
from .sip.message import parse as parse_text


class Registering:
    """A phone at `peer`, `uri` being its address of record. Each one has a Call-ID of its own."""

    def __init__(
        self,
        peer: SipPeer,
        send: Callable[[bytes], None],
        uri: str,
        *,
        password: str = "s3cret",  # noqa: S107 - of tests
        user: str = "",
    ) -> None:
        self.peer = peer
        self.cseq = 0
        self.sent = b""
        self._send = send
        self._uri = uri
        user = user or uri.partition(":")[2].partition("@")[0]
        self._credentials = Credentials(user, password)
        self._challenge: Response | None = None
        self._call_id = f"reg-{secrets.token_hex(8)}@test"

    async def register(
        self,
        *contacts: str,
        extra: Sequence[str] = (),
        cseq: int | None = None,
        call_id: str | None = None,
    ) -> Message:
        """Send it, answer a challenge, return the final response. No `contacts` is a query."""
        for _ in range(2):
            proof = self._proof()
            self.cseq = self.cseq + 1 if cseq is None else cseq
            lines = [f"Contact: {contact}" for contact in contacts] or ["Accept: */*"]
            self.sent = self.peer.request(
                "REGISTER",
                self._uri,
                call_id=call_id or self._call_id,
                cseq=self.cseq,
                contact="\r\n".join(lines),
                extra=(*extra, *proof),
            )
            self._send(self.sent)
            data, answer = await self._answer()
            if answer.status != 401:
                return answer
            response = parse_text(data)
            assert isinstance(response, Response)
            self._challenge = response
        return answer

    async def _answer(self) -> tuple[bytes, Message]:
        """To what was sent last: a port that another had before may get what was meant for them."""
        asked = parse(self.sent)
        while True:
            data = await self.peer.raw()
            answer = parse(data)
            if all(answer.get(key) == asked.get(key) for key in (b"call-id", b"cseq")):
                return data, answer

    def contact(self, more: str = "") -> str:
        """Its own address, as a Contact."""
        host, port = self.peer.local
        suffix = ";transport=tcp" if self.peer.transport == "TCP" else ""
        return f"<sip:{self._credentials.username}@{host}:{port}{suffix}>{more}"

    def _proof(self) -> tuple[str, ...]:
        if self._challenge is None:
            return ()
        proof = digest.answer(self._challenge, self._credentials, "REGISTER", self._uri)
        self._challenge = None
        assert proof is not None
        return (": ".join(proof),)
