"""Courier: carries a text message (RFC 3428) to a phone of ours, by a trunk, or to a SIP URI."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from .bindings import Binding
from .challenge import Prover, read_challenge
from .headers import Bad, Uri, parse_name_addr, parse_uri
from .listeners import Peer
from .message import Header, Message, header
from .proxy import Proxy
from .registrar import Registrar
from .requests import Silence, request
from .resolver import Unreachable
from .responses import Final
from .trunks.account import Account
from .trunks.enrolment import Wire
from .trunks.status import Reach

_log = structlog.get_logger(__name__)
#: the request, one with credentials, and one with a fresh nonce
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Text:
    """What is carried: From without a tag, and a body with its type."""

    sender: bytes
    kind: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """A text on its way: the request URI, who proves us, and how many seconds we wait."""

    uri: bytes
    text: Text
    patience: float
    routes: Sequence[Header] = ()
    prover: Prover | None = None


class Courier:
    """Each delivery is a request of our own; what comes back is its final status."""

    def __init__(self, proxy: Proxy, wire: Wire, registrar: Registrar) -> None:
        self._proxy = proxy
        self._wire = wire
        self._registrar = registrar

    async def to_phone(self, extension: str, text: Text) -> Final:
        """To every place the phone has registered; the first that takes it is enough."""
        await self._registrar.refresh(extension)
        now = asyncio.get_running_loop().time()
        bindings = self._registrar.bindings.of(extension, now)
        tries = [asyncio.ensure_future(self._to_place(binding, text)) for binding in bindings]
        failures: list[Final] = []
        try:
            for done in asyncio.as_completed(tries):
                final = await done
                if final.status < 300:
                    return final
                failures.append(final)
        finally:
            for one in tries:
                one.cancel()
        return min(failures, key=_rank, default=Final(480, reason="the phone is not registered"))

    async def by_trunk(self, trunk: Account, uri: bytes, text: Text) -> Final:
        """To a number of a trunk, in the trunk's name."""
        if trunk.reach is Reach.DOWN:
            return Final(503, reason=f"trunk {trunk.name} is down")
        settings = trunk.trunk
        prover = None
        if settings.username and settings.password is not None:
            user = settings.auth_username or settings.username
            prover = Prover(user, settings.password.get_secret_value())
        letter = Letter(uri, text, settings.answer_seconds, trunk.routes, prover)
        return await self._to_hop(trunk.hop, letter)

    async def to_uri(self, uri: bytes, text: Text) -> Final:
        """To wherever the URI leads. Raises Bad."""
        return await self._to_hop(parse_uri(uri), Letter(uri, text, self._proxy.timers.reach))

    async def _to_hop(self, hop: Uri, letter: Letter) -> Final:
        """To one address of the hop after the other, until one answers (RFC 3263 section 4.3)."""
        tried: set[tuple[str, int]] = set()
        final = Final(503, reason="it has no address")
        while True:
            try:
                peer = await self._wire.resolver.untried(hop, tried)
            except Unreachable as error:
                return Final(503, reason=str(error))
            if peer is None:
                return final
            tried.add((peer.host, peer.port))
            try:
                return await self._to_peer(peer, letter)
            except Silence as silence:
                self._wire.resolver.avoid(peer)
                final = Final(408, reason=str(silence))

    async def _to_place(self, binding: Binding, text: Text) -> Final:
        contact, path = binding.contact, binding.origin.path
        peer = self._proxy.live(contact.peer)
        if peer is None:
            return Final(480, reason="the connection it registered by is closed")
        routes = [header(b"Route", route) for route in path]
        letter = Letter(contact.uri, text, self._proxy.timers.reach, routes)
        try:
            return await self._to_peer(peer, letter)
        except Silence as silence:
            return Final(408, reason=str(silence))

    async def _to_peer(self, peer: Peer, letter: Letter) -> Final:
        """Raises Silence."""
        uri, text, prover = letter.uri, letter.text, letter.prover
        call_id, tag = secrets.token_hex(12).encode(), secrets.token_hex(6).encode()
        for cseq in range(1, _ROUNDS + 1):
            proof = prover.prove("MESSAGE", uri.decode()) if prover is not None else None
            made = request(
                b"MESSAGE",
                uri,
                [
                    *letter.routes,
                    header(b"From", text.sender + b";tag=" + tag),
                    header(b"To", b"<%b>" % uri),
                    header(b"Call-ID", call_id),
                    header(b"CSeq", b"%d MESSAGE" % cseq),
                    *([proof] if proof else []),
                    header(b"Content-Type", text.kind),
                ],
            )
            made.body = text.body
            made.replace(b"content-length", header(b"Content-Length", b"%d" % len(text.body)))
            answer = await self._wire.requests.ask(made, peer, letter.patience)
            if answer.status not in (401, 407) or prover is None or not _met(prover, answer):
                break
        _log.info("text_sent", peer=str(peer), status=answer.status)
        return Final(answer.status, reason=_phrase(answer))


def _met(prover: Prover, answer: Message) -> bool:
    try:
        prover.take(read_challenge(answer))
    except Bad:
        return False
    return True


def _phrase(answer: Message) -> str:
    """`Not Found` of `SIP/2.0 404 Not Found`."""
    return answer.start.split(b" ", 2)[-1].decode("utf-8", "replace")[:80]


def _rank(final: Final) -> tuple[bool, bool, int]:
    """A refusal for all first, then whoever decided anything (RFC 3261 section 16.7 step 6)."""
    return final.status < 600, final.status in (408, 480), final.status


def sender_of(message: Message) -> bytes:
    """From without its parameters, as it was written. Raises Bad."""
    found = parse_name_addr(message.text(b"from"))
    name = message.text(b"from").partition(b"<")[0] if b"<" in message.text(b"from") else b""
    return b"%b<%b>" % (name, found.uri)
