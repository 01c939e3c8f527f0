"""Keyring: the tokens in force, as hashes; what each may do; and what lives on each of them."""

import asyncio
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass

from sipagent.config import Api, Scope, Token
from sipagent.errors import ConfigError, Finding

from .short_tokens import ShortTokens

#: a token is compared by a plain hash: it must not be a word somebody can guess
_SHORTEST = 16


@dataclass(frozen=True, slots=True)
class Client:
    """Who came in: their token's name, what it may do, the verbs it may use (None: all). Of a
    short-lived one its `id`, the numbers it may call and the names it can be called by.
    """

    name: str
    scopes: frozenset[Scope]
    verbs: frozenset[str] | None = None
    id: str = ""
    to: tuple[str, ...] | None = None
    listen: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Key:
    digest: bytes
    client: Client


class Keyring:
    """Only hashes are kept: who reads our memory or settings has no token."""

    def __init__(self, settings: Api, short: ShortTokens | None = None) -> None:
        """`short` are tokens of pages beside those of the settings. Raises ConfigError where a
        token's variable or file is not there.
        """
        self._short = short
        self._keys: tuple[_Key, ...] = ()
        #: what lives on each token, by what it was when it came in
        self._living: dict[asyncio.Future[None], _Key] = {}
        self.reload(settings)

    def reload(self, settings: Api) -> None:
        """Others from now on; what lives on a token that is gone, or may do less than it could,
        is cut off. Raises ConfigError, with nothing changed.
        """
        keys = tuple(_key(name, token) for name, token in settings.tokens.items())
        self._keys = keys
        for cut, key in list(self._living.items()):
            if key not in keys and not cut.done():
                cut.set_result(None)

    def find(self, token: str) -> Client | None:
        """Whose token this is. It takes as long whether, and whichever, it is."""
        key = self._match(token)
        if key is not None:
            return key.client
        page = self._short.find(token) if self._short is not None else None
        if page is None:
            return None
        return Client(
            page.name, frozenset({"webrtc:call"}), id=page.id, to=page.to, listen=page.listen
        )

    def live(self, token: str) -> "asyncio.Future[None]":
        """Done once the token is revoked. Give it to `over` when nothing lives on it any more."""
        key = self._match(token)
        page = self._short.find(token) if key is None and self._short is not None else None
        if page is not None and self._short is not None:
            return self._short.live(page)
        cut: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if key is None:
            cut.set_result(None)
        else:
            self._living[cut] = key
        return cut

    def over(self, cut: "asyncio.Future[None]") -> None:
        """See `live`."""
        if self._short is not None:
            self._short.over(cut)
        self._living.pop(cut, None)
        cut.cancel()

    def _match(self, token: str) -> _Key | None:
        digest = hashlib.sha256(token.encode()).digest()
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found


def new_token() -> tuple[str, str]:
    """A token, and its hash for the settings."""
    token = f"sa_{secrets.token_urlsafe(32)}"
    return token, f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def _key(name: str, token: Token) -> _Key:
    return _Key(digest_of(token, f"api.tokens.{name}"), Client(name, token.may, token.verbs))


def digest_of(token: Token, key: str) -> bytes:
    """The SHA-256 of a token; `key` is where it stands in the settings. Raises ConfigError."""
    if token.hash is not None:
        return bytes.fromhex(token.hash.removeprefix("sha256:"))
    if token.token_env is not None:
        text = os.environ.get(token.token_env, "")
        where = f"the environment variable {token.token_env}"
    else:
        assert token.token_file is not None
        where = str(token.token_file)
        try:
            text = token.token_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise _wrong(key, f"{where} cannot be read: {error}") from error
    if len(text.strip()) < _SHORTEST:
        raise _wrong(key, f"{where} has to hold at least {_SHORTEST} characters")
    return hashlib.sha256(text.strip().encode()).digest()


def _wrong(key: str, why: str) -> ConfigError:
    hint = "sipagent token makes one"
    return ConfigError([Finding("sipagent.yaml", 1, key, why, hint=hint)])
