"""Digest authentication, the client's half (RFC 3261 section 22, RFC 8760)."""

import hashlib
import re
import secrets
from dataclasses import dataclass

from .message import Response

_PART = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we say we are when asked."""

    username: str
    password: str


def answer(
    challenge: Response, credentials: Credentials, method: str, uri: str
) -> tuple[str, str] | None:
    """The (Proxy-)Authorization header for a 401 or 407, or None if no scheme there is ours."""
    proxy = challenge.status == 407
    wanted = "proxy-authenticate" if proxy else "www-authenticate"
    offers = [value for name, value in challenge.headers if name.lower() == wanted]
    for offer in offers:
        scheme, _, rest = offer.partition(" ")
        parts = {name.lower(): quoted or bare for name, quoted, bare in _PART.findall(rest)}
        if scheme.lower() == "digest" and parts.get("algorithm", "MD5").upper() in _HASHES:
            name = "Proxy-Authorization" if proxy else "Authorization"
            return name, _response(parts, credentials, method, uri)
    return None


def _response(parts: dict[str, str], who: Credentials, method: str, uri: str) -> str:
    algorithm = parts.get("algorithm", "MD5").upper()
    realm, nonce = parts.get("realm", ""), parts.get("nonce", "")

    def h(text: str) -> str:
        return _HASHES[algorithm](text.encode()).hexdigest()

    secret, deed = h(f"{who.username}:{realm}:{who.password}"), h(f"{method}:{uri}")
    fields = [f'username="{who.username}"', f'realm="{realm}"', f'nonce="{nonce}"']
    fields += [f'uri="{uri}"', f"algorithm={algorithm}"]
    if "auth" in [q.strip() for q in parts.get("qop", "").split(",")]:
        count, own = "00000001", secrets.token_hex(8)
        proof = h(f"{secret}:{nonce}:{count}:{own}:auth:{deed}")
        fields += ["qop=auth", f"nc={count}", f'cnonce="{own}"']
    else:
        proof = h(f"{secret}:{nonce}:{deed}")
    fields.append(f'response="{proof}"')
    if "opaque" in parts:
        fields.append(f'opaque="{parts["opaque"]}"')
    return "Digest " + ", ".join(fields)
