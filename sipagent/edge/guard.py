"""Guard: who may call, and how many calls a second."""

from collections.abc import Callable
from dataclasses import dataclass

from sipagent.config import Settings

from .auth import Authenticator, Proof
from .door.doorman import Doorman
from .door.sources import address_of, source_of, within
from .headers import parse_uri
from .listeners import LOOP, Peer
from .message import Header, Message


@dataclass(frozen=True, slots=True)
class Verdict:
    """`status` 0 lets the call in, in the name of `account`; otherwise it is the answer. `trunk`
    says that the account is one, and which.
    """

    status: int = 0
    account: str | None = None
    trunk: str | None = None
    extra: tuple[Header, ...] = ()


class TokenBucket:
    """At most `rate` a second in the long run, bursts of as many at once (at least one)."""

    def __init__(self, rate: float, now: Callable[[], float]) -> None:
        self._rate = rate
        self._room = max(rate, 1.0)
        self._now = now
        self._tokens = self._room
        self._filled = now()

    def take(self) -> bool:
        """One more; False when it is too much."""
        now = self._now()
        self._tokens = min(self._room, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class Guard:
    """Trunks by their address or by the registration they call us on (`registered`), phones by
    digest, guests by network, who calls a number that is `expected` to be called, nobody else.

    Credentials that were offered count before the network does, so that a phone on a guest
    network is known by name, and a wrong password is never let in as a guest.
    """

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], float],
        doorman: Doorman,
        registered: Callable[[Message, Peer], str | None] = lambda invite, source: None,
        expected: Callable[[str], bool] = lambda number: False,
    ) -> None:
        self._registered = registered
        self._expected = expected
        self._now = now
        self._doorman = doorman
        self._authenticator = Authenticator(
            settings.sip.realm, {}, now, lifetime=settings.guard.nonce_seconds
        )
        self.reload(settings)

    def reload(self, settings: Settings) -> None:
        """Let in by these settings from now on; nonces given out stay good."""
        self._trunks = {name: trunk.addresses for name, trunk in settings.trunks.items()}
        self._guests = settings.sip.guests
        self._phones = bool(settings.phones)
        self._authenticator.passwords = {
            name: phone.password.get_secret_value() for name, phone in settings.phones.items()
        }
        self.rate = TokenBucket(settings.limits.calls_per_second, self._now)

    def judge_registration(self, register: Message, source: Peer) -> Verdict:
        """Who may register? A phone that proves itself, wherever it is; nobody else."""
        if source.flow == LOOP:
            return Verdict(403)
        proof, account = self._proof(register, source)
        if proof is Proof.GOOD:
            return Verdict(account=account)
        if proof in (Proof.WRONG, Proof.FORGED):
            return Verdict(403)
        return self.challenged(register, source, stale=proof is Proof.STALE)

    def challenged(self, request: Message, source: Peer, *, stale: bool = False) -> Verdict:
        """Ask for credentials."""
        whom = source_of(source.host)
        asked = self._authenticator.challenge(request, stale=stale, source=whom)
        return Verdict(401, extra=asked)

    def _proof(self, request: Message, source: Peer) -> tuple[Proof, str]:
        proof, account = self._authenticator.prove(request, source_of(source.host))
        if proof is Proof.GOOD:
            self._doorman.proved(source)
        elif proof is Proof.WRONG:
            self._doorman.failed_login(source)
        return proof, account

    def judge(self, invite: Message, source: Peer) -> Verdict:
        """May this INVITE, from this address, start a call?"""
        if source.flow == LOOP:  # a worker of ours, whose call its own policy allowed
            return Verdict()
        if self._expected(parse_uri(invite.uri).user.decode("ascii", "replace")):
            return Verdict()
        address = address_of(source.host)
        for name, networks in self._trunks.items():
            if within(address, networks):
                return Verdict(account=name, trunk=name)
        if (trunk := self._registered(invite, source)) is not None:
            return Verdict(account=trunk, trunk=trunk)
        proof, account = self._proof(invite, source)
        if proof is Proof.GOOD:
            return Verdict(account=account)
        if proof in (Proof.WRONG, Proof.FORGED):
            return Verdict(403)
        if proof is Proof.NONE and within(address, self._guests):
            return Verdict()
        if not self._phones:
            return Verdict(403)
        return self.challenged(invite, source, stale=proof is Proof.STALE)
