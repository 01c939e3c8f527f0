"""Short-lived tokens: for web pages of others, that may make browser calls and nothing else.

Random, and kept as hashes in the journal beside the server's state: so they outlive a restart, and
a revoked one stays revoked, which a signature alone could not promise.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sipagent.store.journal import Journal

#: in the journal
_KIND = "token"
#: seconds the longest lives
LONGEST = 3600


@dataclass(frozen=True, slots=True)
class ShortToken:
    """One of them: `to` are numbers it may call, `listen` the names it can be called by; `expires`
    in seconds since 1970.
    """

    id: str
    name: str
    to: tuple[str, ...]
    listen: tuple[str, ...]
    expires: float
    issuer: str


class TooMany(Exception):
    """As many live as may."""


class ShortTokens:
    """Those in force. `now` is the wall clock; `on_end` is called with the id of each that was
    revoked or has expired while something lived on it.
    """

    def __init__(self, journal: Journal, most: int, now: Callable[[], float]) -> None:
        self._journal = journal
        self._most = most
        self._now = now
        self._known: dict[bytes, ShortToken] = {}
        self._living: dict[asyncio.Future[None], tuple[str, asyncio.TimerHandle]] = {}
        self.on_revoked: Callable[[str], None] = lambda token_id: None

    def restore(self) -> None:
        """Know those of the process before us."""
        for digest, fact in self._journal.all(_KIND).items():
            value = {**fact.value, "to": tuple(fact.value["to"])}
            value["listen"] = tuple(value["listen"])
            self._known[bytes.fromhex(digest)] = ShortToken(**value)
        self._sweep()

    def issue(
        self, name: str, to: Sequence[str], listen: Sequence[str], seconds: int, issuer: str
    ) -> tuple[str, ShortToken]:
        """A new one: what its bearer shows, and what is known of it. Raises TooMany."""
        self._sweep()
        if len(self._known) >= self._most:
            raise TooMany
        text, token_id = f"sw_{secrets.token_urlsafe(32)}", secrets.token_hex(8)
        expires = self._now() + min(seconds, LONGEST)
        token = ShortToken(token_id, name, tuple(to), tuple(listen), expires, issuer)
        digest = _digest(text)
        self._known[digest] = token
        kept = {f: getattr(token, f) for f in ("id", "name", "expires", "issuer")}
        kept |= {"to": list(token.to), "listen": list(token.listen)}
        self._journal.put(_KIND, digest.hex(), kept)
        return text, token

    def find(self, text: str) -> ShortToken | None:
        """Whose this is, while it is in force."""
        token = self._known.get(_digest(text))
        return token if token is not None and token.expires > self._now() else None

    def all(self) -> tuple[ShortToken, ...]:
        """Those in force, the oldest first."""
        self._sweep()
        return tuple(self._known.values())

    def revoke(self, token_id: str) -> ShortToken | None:
        """End one at once, and what lives on it. None where there is none."""
        for digest, token in list(self._known.items()):
            if token.id == token_id:
                self._drop(digest)
                self._cut(token_id)
                self.on_revoked(token_id)
                return token
        return None

    def live(self, token: ShortToken) -> "asyncio.Future[None]":
        """Done once it is revoked or has expired. Give it to `over`."""
        loop = asyncio.get_running_loop()
        cut: asyncio.Future[None] = loop.create_future()
        end = loop.call_later(max(0.0, token.expires - self._now()), _done, cut)
        self._living[cut] = token.id, end
        return cut

    def over(self, cut: "asyncio.Future[None]") -> None:
        """Nothing lives on it any more."""
        known = self._living.pop(cut, None)
        if known is not None:
            known[1].cancel()
        cut.cancel()

    def _cut(self, token_id: str) -> None:
        for cut, (living, _) in list(self._living.items()):
            if living == token_id:
                _done(cut)

    def _drop(self, digest: bytes) -> None:
        del self._known[digest]
        self._journal.drop(_KIND, digest.hex())

    def _sweep(self) -> None:
        now = self._now()
        for digest, token in list(self._known.items()):
            if token.expires <= now:
                self._drop(digest)


def _done(cut: "asyncio.Future[None]") -> None:
    if not cut.done():
        cut.set_result(None)


def _digest(text: str) -> bytes:
    """Looked up by hash: how long that takes says nothing about any token."""
    return hashlib.sha256(text.encode()).digest()
