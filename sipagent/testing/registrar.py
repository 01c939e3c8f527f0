"""A registrar by script: what it answers, and every REGISTER it was sent."""

import asyncio
from collections.abc import Callable

from sipagent.edge.auth import Authenticator, Proof
from sipagent.edge.desk import Address
from sipagent.edge.message import Header, Message, header, parse
from sipagent.edge.responses import response

from .udp import UdpServer

REALM = "pbx.test"


class Registrar(UdpServer):
    """`async with Registrar(password="s") as pbx:`; it grants `grants` seconds, or what is asked.

    `status` other than 200 is its answer to all it would grant; `script` its answer to every
    REGISTER, as it stands; `silent`: none to anything. `at_least` seconds or 423. `algorithms`
    of its challenges. OPTIONS get `options`, with the SDP `described` where there is one. Every
    answer carries `headers`. `seen` is put into the Via it gives back, as by one beyond a NAT,
    whose router `rewrites` what was said there.
    """

    def __init__(
        self,
        *,
        user: str = "7000",
        password: str = "secret",  # noqa: S107 - of a test
        grants: int | None = None,
        at_least: int = 0,
        algorithms: tuple[str, ...] = ("SHA-256", "MD5"),
        port: int = 0,
    ) -> None:
        super().__init__(port)
        self.status = 200
        self.extra: tuple[Header, ...] = ()
        self.options = 200
        self.described = ""
        self.headers: tuple[Header, ...] = ()
        self.seen = ""
        self.rewrites = b""
        self.script: tuple[int, tuple[Header, ...]] | None = None
        self.silent = False
        self.grants = grants
        self.at_least = at_least
        self.algorithms = algorithms
        self.user = user
        self.requests: list[Message] = []
        self.change_password(password)
        self._heard = asyncio.Event()

    @property
    def registers(self) -> list[Message]:
        """The REGISTERs so far."""
        return [request for request in self.requests if request.method == b"REGISTER"]

    def change_password(self, password: str) -> None:
        """From now on this is right, and every nonce is new."""
        loop = asyncio.get_running_loop()
        self._guard = Authenticator(REALM, {self.user: password}, loop.time)

    async def until(self, wanted: Callable[[], bool], timeout: float = 10.0) -> None:
        """Wait until something holds; looked at after every request. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while not wanted():
                self._heard.clear()
                await self._heard.wait()

    def send(self, data: bytes, to: Address) -> None:
        """Send from the registrar's own socket."""
        assert self._wire is not None
        self._wire.sendto(data, to)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """A request; responses are nobody's."""
        message = parse(data)
        if not message.is_request:
            return
        self.requests.append(message)
        self._heard.set()
        if self.silent:
            return
        status, extra = self._decide(message)
        answer = response(message, status, tag=b"pbx", extra=(*self.headers, *extra))
        if self.described and message.method == b"OPTIONS":
            answer.body = self.described.encode()
            length = header(b"Content-Length", b"%d" % len(answer.body))
            kind = header(b"Content-Type", b"application/sdp")
            answer.headers = [*answer.headers[:-1], kind, length]
        if self.seen:
            answer.replace_top_via(answer.via.text + b";received=" + self.seen.encode())
        if self.rewrites:
            via = answer.via
            ours = b"%s:%d" % (via.host.encode(), via.sent_by[1])
            answer.replace_top_via(via.text.replace(ours, self.rewrites, 1))
        self.send(bytes(answer), addr)

    def _decide(self, message: Message) -> tuple[int, tuple[Header, ...]]:
        if message.method != b"REGISTER":
            return self.options, ()
        if self.script is not None:
            return self.script
        proof, _ = self._guard.prove(message)
        if proof is not Proof.GOOD:
            asked = self._guard.challenge(message, stale=proof is Proof.STALE)
            return 401, tuple(h for h in asked if self._offered(h))
        asked_for = int(message.text(b"expires"))
        if 0 < asked_for < self.at_least:
            return 423, (header(b"Min-Expires", b"%d" % self.at_least),)
        if self.status != 200:
            return self.status, self.extra
        granted = asked_for if self.grants is None else min(asked_for, self.grants)
        contact = message.text(b"contact").partition(b">")[0] + b">"
        return 200, (header(b"Contact", contact + b";expires=%d" % granted),)

    def _offered(self, challenge: Header) -> bool:
        return any(b"algorithm=" + a.encode() + b"," in challenge.value for a in self.algorithms)
