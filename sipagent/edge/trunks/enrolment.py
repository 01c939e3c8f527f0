"""Enrolment: REGISTER at one registrar, from the first request to the granted time."""

import secrets
from dataclasses import dataclass, field
from urllib.parse import quote

from sipagent.config import Trunk
from sipagent.edge.challenge import Prover, read_challenge
from sipagent.edge.headers import Bad, NameAddr, Uri, parameters, parse_name_addr, parse_uri
from sipagent.edge.identity import Identity, hostport
from sipagent.edge.listeners import Listeners, Peer
from sipagent.edge.message import Header, Message, header
from sipagent.edge.requests import Requests, Silence, request
from sipagent.edge.resolver import NoName, Resolver, Unreachable
from sipagent.errors import SipAgentError

from .status import Cause
from .turns import Always, Turn, Turns

#: requests for one registration: a challenge, a stale nonce, a longer time asked for, one to spare
_ROUNDS = 5
#: seconds; nobody asks for more, and more cannot be told from nonsense
_LONGEST = 7 * 86_400.0
_BY_STATUS = {
    403: Cause.FORBIDDEN,
    404: Cause.UNKNOWN_ACCOUNT,
    408: Cause.NO_ANSWER,
    604: Cause.UNKNOWN_ACCOUNT,
}
#: causes another registrar of the same trunk may not share
_ELSEWHERE = frozenset({Cause.NO_ANSWER, Cause.NO_NAME, Cause.UNREACHABLE})


class RegistrationFailed(SipAgentError):
    """No registration. `elsewhere` says that another registrar may do better."""

    def __init__(
        self, cause: Cause, detail: str, *, status: int = 0, retry_after: float = 0.0
    ) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause = cause
        self.status = status
        self.retry_after = retry_after

    @property
    def elsewhere(self) -> bool:
        """True when trying the next registrar makes sense."""
        return self.cause in _ELSEWHERE or 500 <= self.status < 600


@dataclass(frozen=True, slots=True)
class Granted:
    """A registration: for how many seconds, and who granted it."""

    seconds: float
    peer: Peer


@dataclass(frozen=True, slots=True)
class Wire:
    """What a trunk needs of the front door."""

    listeners: Listeners
    identity: Identity
    requests: Requests
    resolver: Resolver
    turns: Turns = field(default_factory=Always)


def domain(trunk: Trunk) -> bytes:
    """The trunk's own `host[:port]`, as request URIs name it."""
    port = b":%d" % trunk.port if trunk.port else b""
    return bracketed(trunk.host) + port


def home(trunk: Trunk) -> str:
    """The trunk itself as a SIP URI, for RFC 3263 to find."""
    by = f";transport={trunk.transport}" if trunk.transport else ""
    return f"sip:{domain(trunk).decode()}{by}"


def bracketed(host: str) -> bytes:
    """A host as it stands in a URI."""
    return (f"[{host}]" if ":" in host else host).encode()


def account_user(trunk: Trunk) -> bytes:
    """The account's name as the user part of a URI."""
    return quote(trunk.username or "", safe="-_.!~*'()&=+$,;?/").encode()


def routes(trunk: Trunk) -> list[Header]:
    """The Route that an outbound proxy is told (RFC 3261 section 8.1.2)."""
    if trunk.outbound_proxy is None:
        return []
    return [header(b"Route", b"<%b;lr>" % trunk.outbound_proxy.encode())]


class Enrolment:
    """One account's bindings (RFC 3261 section 10): Call-ID and CSeq go on from one REGISTER to
    the next.

    `line` marks our Contact, so that calls to it are known as this trunk's. Nothing is sent while
    it is not our `turn`.
    """

    def __init__(self, trunk: Trunk, line: str, wire: Wire, turn: Turn | None = None) -> None:
        password = trunk.password.get_secret_value() if trunk.password else ""
        self._trunk = trunk
        self._line = line
        self._wire = wire
        self._turn = turn or Always()
        self._prover = Prover(trunk.auth_username or trunk.username or "", password)
        self._call_id = secrets.token_hex(12).encode()
        self._tag = secrets.token_hex(6).encode()
        self._cseq = 0
        self._contact = b""

    async def register(self, registrar: str, expires: int) -> Granted:
        """Register at `registrar` (a SIP URI) or, with `expires` 0, take it back.

        Every address of its name is tried. Raises RegistrationFailed.
        """
        hop = parse_uri((self._trunk.outbound_proxy or registrar).encode())
        tried: set[tuple[str, int]] = set()
        peer: Peer | None = await self._find(hop)
        while peer is not None:
            tried.add((peer.host, peer.port))
            try:
                return await self._at(peer, registrar, expires)
            except Silence as silence:
                self._wire.resolver.avoid(peer)
                failure = RegistrationFailed(Cause.NO_ANSWER, str(silence))
            peer = await self._find(hop, tried)
        raise failure

    async def _find(self, hop: Uri, tried: set[tuple[str, int]] | None = None) -> Peer | None:
        try:
            return await self._wire.resolver.untried(hop, tried or ())
        except NoName as error:
            raise RegistrationFailed(Cause.NO_NAME, str(error)) from error
        except Unreachable as error:
            raise RegistrationFailed(Cause.UNREACHABLE, str(error)) from error

    async def _at(self, peer: Peer, registrar: str, expires: int) -> Granted:
        """Talk to one address until it grants or refuses. Raises RegistrationFailed, Silence."""
        challenged = False
        for _ in range(_ROUNDS):
            asked = self._request(peer, registrar, expires)
            if not self._turn.ours:
                raise RegistrationFailed(Cause.ELSEWHERE, "this node is not to register any more")
            answer = await self._wire.requests.ask(
                asked, peer, self._trunk.answer_seconds, wanted=lambda: self._turn.ours
            )
            if answer.status < 300:
                self._contact = self._contact_for(peer)
                seconds = min(self._granted(answer, expires), _LONGEST)
                if expires and not seconds:
                    raise RegistrationFailed(Cause.REFUSED, "it granted no time at all")
                return Granted(seconds, peer)
            if answer.status in (401, 407):
                self._meet(answer, again=challenged)
                challenged = True
            elif answer.status == 423:
                expires = _at_least(answer, expires)
            else:
                raise _refused(answer)
        raise RegistrationFailed(Cause.REFUSED, "it asks and asks, and never grants")

    def _meet(self, answer: Message, *, again: bool) -> None:
        """Be ready to answer this challenge. Raises RegistrationFailed."""
        if self._trunk.password is None:
            raise RegistrationFailed(Cause.NO_PASSWORD, "the trunk has none", status=answer.status)
        try:
            challenge = read_challenge(answer)
        except Bad as bad:
            raise RegistrationFailed(Cause.REFUSED, bad.reason, status=answer.status) from bad
        if again and not challenge.stale:
            raise RegistrationFailed(
                Cause.WRONG_PASSWORD,
                f"{_said(answer)} after our credentials for realm {challenge.realm!r}",
                status=answer.status,
            )
        self._prover.take(challenge)

    def _request(self, peer: Peer, registrar: str, expires: int) -> Message:
        trunk = self._trunk
        through = trunk.outbound_proxy and trunk.registration and trunk.registration.registrars
        uri = registrar.encode() if through else b"sip:" + domain(trunk)
        record = b"<sip:%b@%b>" % (account_user(trunk), bracketed(trunk.host))
        self._cseq += 1
        headers = [
            *routes(trunk),
            header(b"From", record + b";tag=" + self._tag),
            header(b"To", record),
            header(b"Call-ID", self._call_id),
            header(b"CSeq", b"%d REGISTER" % self._cseq),
            *self._contacts(peer, expires),
            header(b"Expires", b"%d" % expires),
        ]
        proof = self._prover.prove("REGISTER", uri.decode())
        return request(b"REGISTER", uri, [*headers, *([proof] if proof else [])])

    def _contacts(self, peer: Peer, expires: int) -> list[Header]:
        """Where we are now; where we were, to be forgotten."""
        contact = self._contact_for(peer)
        lines = [header(b"Contact", b"<%b>;expires=%d" % (contact, expires))]
        if self._contact not in (b"", contact):
            lines.append(header(b"Contact", b"<%b>;expires=0" % self._contact))
        return lines

    def _contact_for(self, peer: Peer) -> bytes:
        flow = self._wire.listeners.flow(peer.flow)
        if flow is None:
            raise Silence(f"the connection to {peer} is gone")
        own = self._wire.identity.advertised(flow.transport, flow.local)
        here = self._wire.turns.contact or own
        suffix = "" if flow.transport == "UDP" else f";transport={flow.transport.lower()}"
        mark = (self._line + suffix).encode()
        return b"sip:%b@%b;line=%b" % (account_user(self._trunk), hostport(here), mark)

    def _granted(self, answer: Message, expires: int) -> float:
        """For how long (section 10.2.4): our Contact's own parameter, else Expires."""
        mark = b"line=" + self._line.encode()
        for contact in _contacts_of(answer):
            own = parameters(contact.params).get(b"expires", b"") if contact.params else b""
            if mark in contact.uri and self._contact in contact.uri and own.isdigit():
                return float(own)
        general = answer.text(b"expires")
        return float(general) if general.isdigit() else float(expires)


def _contacts_of(answer: Message) -> list[NameAddr]:
    """The bindings it lists; none where they cannot be read, and nothing is lost by that."""
    try:
        return [parse_name_addr(value) for value in answer.values(b"contact")]
    except Bad:
        return []


def _at_least(answer: Message, expires: int) -> int:
    """423 says for how long at least (section 10.2.8). Raises RegistrationFailed."""
    wanted = answer.text(b"min-expires")
    if not wanted.isdigit() or len(wanted) > 9 or int(wanted) <= expires:
        raise RegistrationFailed(
            Cause.REFUSED, f"{_said(answer)}, and no longer time to ask for", status=423
        )
    return int(wanted)


def _refused(answer: Message) -> RegistrationFailed:
    digits = answer.text(b"retry-after").partition(b";")[0].partition(b"(")[0].strip()
    return RegistrationFailed(
        _BY_STATUS.get(answer.status, Cause.REFUSED),
        _said(answer),
        status=answer.status,
        retry_after=float(digits) if digits.isdigit() and len(digits) < 6 else 0.0,
    )


def _said(answer: Message) -> str:
    """`403 Forbidden`."""
    return answer.start.partition(b" ")[2].decode("utf-8", "replace")[:80]
