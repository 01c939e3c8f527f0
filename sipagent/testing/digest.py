"""Digest credentials made by hand, right or wrong (RFC 7616 section 3.4)."""

import hashlib
import re


def authorization(
    challenge: str,
    password: str,
    *,
    user: str = "1001",
    uri: str = "sip:100@x",
    nc: int = 1,
    method: str = "INVITE",
    algorithm: str = "MD5",
    name: str = "Authorization",
) -> str:
    """What a phone makes of a challenge."""
    nonce = re.findall(r'nonce="([^"]+)"', challenge)[0]
    new = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]

    def h(text: str) -> str:
        return new(text.encode()).hexdigest()

    ha1, ha2 = h(f"{user}:sipagent:{password}"), h(f"{method}:{uri}")
    answer = h(f"{ha1}:{nonce}:{nc:08x}:c0ffee:auth:{ha2}")
    return (
        f'{name}: Digest username="{user}", realm="sipagent", nonce="{nonce}", uri="{uri}", '
        f'response="{answer}", algorithm={algorithm}, cnonce="c0ffee", qop=auth, nc={nc:08x}'
    )
