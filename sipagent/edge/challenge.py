"""Digest authentication, our half towards trunks (RFC 3261 section 22, RFC 7616, RFC 8760)."""

import secrets
from dataclasses import dataclass

from .auth import ALGORITHMS, Credentials, digest_fields, digest_response
from .headers import Bad
from .message import Header, Message, header


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a 401 (or, `proxy`, a 407) asks for. `qop` is "auth" or empty (RFC 2069)."""

    realm: str
    nonce: str
    algorithm: str
    qop: str
    opaque: str | None
    proxy: bool
    stale: bool


def read_challenge(answer: Message) -> Challenge:
    """The first challenge we can meet: the far end lists the strongest first. Raises Bad."""
    proxy = answer.status == 407
    key = b"proxy-authenticate" if proxy else b"www-authenticate"
    asked: list[str] = []
    for item in answer.headers:
        scheme, _, rest = item.value.partition(b" ")
        if item.key != key:
            continue
        if scheme.lower() != b"digest":
            asked.append(scheme.decode("utf-8", "replace"))
            continue
        fields = digest_fields(rest)
        algorithm = fields.get(b"algorithm", "MD5")
        offered = [qop.strip() for qop in fields.get(b"qop", "").lower().split(",")]
        if algorithm.lower() not in ALGORITHMS or not {"auth", ""} & set(offered):
            asked.append(f"digest {algorithm} {'/'.join(offered)}".strip())
            continue
        return Challenge(
            realm=fields.get(b"realm", ""),
            nonce=fields.get(b"nonce", ""),
            algorithm=algorithm,
            qop="auth" if "auth" in offered else "",
            opaque=fields.get(b"opaque"),
            proxy=proxy,
            stale=fields.get(b"stale", "").lower() == "true",
        )
    raise Bad(f"asks for {', '.join(asked) or 'credentials without saying which'}")


class Prover:
    """Answers challenges in one name; the last one serves further requests, its count rising."""

    def __init__(self, username: str, password: str) -> None:
        self._username = username
        self._password = password
        self._challenge: Challenge | None = None
        self._count = 0

    def take(self, challenge: Challenge) -> None:
        """Answer this one from now on."""
        self._challenge = challenge
        self._count = 0

    def prove(self, method: str, uri: str) -> Header | None:
        """The header that answers the last challenge, None before there was one."""
        asked = self._challenge
        if asked is None:
            return None
        self._count += 1
        given = Credentials(
            username=self._username,
            realm=asked.realm,
            nonce=asked.nonce,
            uri=uri,
            response="",
            algorithm=asked.algorithm.lower(),
            qop=asked.qop,
            nc=f"{self._count:08x}",
            cnonce=secrets.token_hex(8),
        )
        fields = [f"{name}={_quoted(getattr(given, name))}" for name in _QUOTED]
        fields.append(f"algorithm={asked.algorithm}")
        if asked.qop:
            fields += [f"qop={asked.qop}", f"nc={given.nc}", f'cnonce="{given.cnonce}"']
        fields.append(f'response="{digest_response(given, self._password, method)}"')
        if asked.opaque is not None:
            fields.append(f"opaque={_quoted(asked.opaque)}")
        name = b"Proxy-Authorization" if asked.proxy else b"Authorization"
        return header(name, b"Digest " + ", ".join(fields).encode())


_QUOTED = ("username", "realm", "nonce", "uri")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
