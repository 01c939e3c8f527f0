"""Digest authentication of our phones (RFC 3261 section 22, RFC 7616, RFC 8760)."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from .headers import Bad, parse_uri, split
from .message import Header, Message, header

_NONCES = 10_000
#: what we ask phones for: SHA-512-256 too would make the challenge long, and few know it
_OFFERED = ("sha-256", "md5")
_COUNT = re.compile(r"[0-9A-Fa-f]{1,8}")
_CREDENTIALS = (b"authorization", b"proxy-authorization")
#: what we can prove and check
ALGORITHMS: dict[str, Callable[[bytes], "hashlib._Hash"]] = {
    "sha-512-256": lambda data: hashlib.new("sha512_256", data),
    "sha-256": hashlib.sha256,
    "md5": lambda data: hashlib.md5(data, usedforsecurity=False),
}


#: baresip 1.0.0 gives up the call when it sees SHA-256 offered, even as the second choice
_MD5_ONLY = (b"baresip v0.", b"baresip v1.")


class Proof(Enum):
    """What credentials came to. WRONG answers a challenge of ours to that source, so that it is
    held against it; FORGED is wrong and answers none, which anybody can send in any name.
    """

    NONE = auto()
    GOOD = auto()
    STALE = auto()
    WRONG = auto()
    FORGED = auto()


@dataclass(frozen=True, slots=True)
class Credentials:
    """One Authorization header, unquoted."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str
    qop: str
    nc: str
    cnonce: str


def read_credentials(value: bytes) -> Credentials:
    """Read `Digest ...`. Raises Bad."""
    scheme, _, rest = value.partition(b" ")
    if scheme.lower() != b"digest":
        raise Bad("not digest credentials")
    fields = digest_fields(rest)
    return Credentials(
        username=fields.get(b"username", ""),
        realm=fields.get(b"realm", ""),
        nonce=fields.get(b"nonce", ""),
        uri=fields.get(b"uri", ""),
        response=fields.get(b"response", ""),
        algorithm=fields.get(b"algorithm", "md5").lower(),
        qop=fields.get(b"qop", "").lower(),
        nc=fields.get(b"nc", ""),
        cnonce=fields.get(b"cnonce", ""),
    )


def digest_fields(text: bytes) -> dict[bytes, str]:
    """What follows `Digest` in credentials and challenges, unquoted. Raises Bad."""
    fields = {}
    for piece in split(text):
        name, _, value = piece.partition(b"=")
        value = value.strip()
        if len(value) > 1 and value[:1] == value[-1:] == b'"':
            value = value[1:-1].replace(b'\\"', b'"').replace(b"\\\\", b"\\")
        fields[name.strip().lower()] = value.decode("utf-8", "replace")
    return fields


def digest_response(given: Credentials, password: str, method: str) -> str:
    """The response these credentials should carry (RFC 7616 section 3.4.1). Raises Bad."""
    algorithm = ALGORITHMS.get(given.algorithm)
    if algorithm is None or given.qop not in ("", "auth"):
        raise Bad("unknown digest algorithm or qop")

    def hashed(*parts: str) -> str:
        return algorithm(":".join(parts).encode()).hexdigest()

    first = hashed(given.username, given.realm, password)
    second = hashed(method, given.uri)
    middle = (given.nc, given.cnonce, given.qop) if given.qop else ()
    return hashed(first, given.nonce, *middle, second)


class Authenticator:
    """Knows the phones' passwords. Nonces carry their own time and a signature over it and over
    the source they were given to, so that nothing is kept for a stranger, and what was overheard
    is of no use elsewhere; of used ones the last nonce count is kept.
    """

    def __init__(
        self,
        realm: str,
        passwords: Mapping[str, str],
        now: Callable[[], float],
        *,
        lifetime: float = 300.0,
    ) -> None:
        self._realm = realm
        #: by phone; others may be put in their place at any time
        self.passwords = passwords
        self._now = now
        self._lifetime = lifetime
        self._key = secrets.token_bytes(32)
        self._counts: dict[str, tuple[int, float]] = {}
        #: nonces made before are stale: their counts were forgotten
        self._oldest = 0.0

    def challenge(self, request: Message, *, stale: bool, source: str = "") -> tuple[Header, ...]:
        """WWW-Authenticate headers with a fresh nonce, one for each algorithm."""
        old = request.text(b"user-agent").startswith(_MD5_ONLY)
        nonce = self._nonce(source)
        more = ", stale=true" if stale else ""
        return tuple(
            header(
                b"WWW-Authenticate",
                f'Digest realm="{self._realm}", nonce="{nonce}", '
                f'algorithm={name.upper()}, qop="auth"{more}'.encode(),
            )
            for name in (_OFFERED[1:] if old else _OFFERED)
        )

    def prove(self, request: Message, source: str = "") -> tuple[Proof, str]:
        """Check the credentials for our realm, if any, of that source. The phone's name comes
        with GOOD.
        """
        for item in request.headers:
            if item.key not in _CREDENTIALS or item.value[:7].lower() != b"digest ":
                continue
            try:
                given = read_credentials(item.value)
                if given.realm == self._realm:
                    return self._judge(given, request, source), given.username
            except Bad:
                return Proof.FORGED, ""
        return Proof.NONE, ""

    def _judge(self, given: Credentials, request: Message, source: str) -> Proof:
        password = self.passwords.get(given.username)
        # an unknown name costs the same time as a wrong password
        expected = digest_response(given, password or "", request.method.decode("ascii"))
        right = hmac.compare_digest(expected.encode(), given.response.lower().encode())
        fresh = self._fresh(given.nonce, source)
        if password is None or not right or not _same_target(given.uri, request.uri):
            return Proof.WRONG if fresh else Proof.FORGED
        if not fresh:
            return Proof.STALE
        return Proof.GOOD if self._counts_up(given) else Proof.STALE

    def _nonce(self, source: str) -> str:
        text = f"{int(self._now() * 1000):x}.{secrets.token_hex(6)}"
        return f"{text}.{self._sign(text, source)}"

    def _sign(self, text: str, source: str) -> str:
        signed = f"{text} {source}".encode()
        return hashlib.blake2b(signed, key=self._key, digest_size=12).hexdigest()

    def _fresh(self, nonce: str, source: str) -> bool:
        text, _, signature = nonce.rpartition(".")
        if not hmac.compare_digest(self._sign(text, source).encode(), signature.encode()):
            return False
        made = _made(nonce)
        age = self._now() - made
        return made > self._oldest and 0 <= age + 0.001 <= self._lifetime

    def _counts_up(self, given: Credentials) -> bool:
        """Each nonce count serves once; without qop (RFC 2069) a nonce does."""
        if given.qop and not (_COUNT.fullmatch(given.nc) and given.cnonce):
            return False
        count = int(given.nc, 16) if given.qop else 1
        last, _ = self._counts.pop(given.nonce, (0, 0.0))
        self._counts[given.nonce] = max(last, count), self._now()
        self._forget_old()
        return count > last

    def _forget_old(self) -> None:
        # entries stand in the order of their last use
        for nonce, (_, used) in list(self._counts.items())[:8]:
            if len(self._counts) > _NONCES:
                # it may be young: nobody shall use it twice because we have no room
                self._oldest = max(self._oldest, _made(nonce))
                del self._counts[nonce]
            elif self._now() - used > self._lifetime:
                del self._counts[nonce]


def _made(nonce: str) -> float:
    """When a nonce of ours was made."""
    return int(nonce.partition(".")[0], 16) / 1000


def _same_target(uri: str, request_uri: bytes) -> bool:
    """True when the credentials were made for this number: the host part may be rewritten on
    the way, the number may not.
    """
    try:
        return parse_uri(uri.encode()).user == parse_uri(request_uri).user
    except Bad:
        return False
