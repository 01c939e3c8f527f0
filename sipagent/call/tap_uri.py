"""Tap URIs: where a call's audio is to go, brought to one form before anything judges it."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from .target import BadTarget

_PORTS = {"ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True)
class TapUri:
    """`rtp://host:port`, `ws://host[:port]/path` or `wss://...`; scheme and host in lower case."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, text: str) -> "TapUri":
        """Raises BadTarget. Credentials in a URI are refused: they would end up in records."""
        try:
            parts = urlsplit(text.strip())
            port = parts.port
        except ValueError as error:
            raise BadTarget(f"{text!r} is no URI: {error}") from error
        host = (parts.hostname or "").rstrip(".")
        if parts.scheme not in ("rtp", *_PORTS) or not host:
            raise BadTarget(f"{text!r} is not rtp://host:port, ws:// or wss://")
        if "@" in parts.netloc or parts.fragment:
            raise BadTarget(f"{text!r} must have no user and no fragment")
        if parts.scheme == "rtp" and (port is None or parts.path.strip("/") or parts.query):
            raise BadTarget(f"{text!r} is not rtp://host:port")
        query = f"?{parts.query}" if parts.query else ""
        return cls(
            parts.scheme, host, port or _PORTS.get(parts.scheme, 0), (parts.path or "/") + query
        )


def tap_matches(uri: str, pattern: str) -> bool:
    """Whether a URI fits a pattern: scheme, host, port and path each by itself, so that no `*`
    reaches over from one into another. A pattern without a port means the scheme's own, one
    without a path any. Raises BadTarget.
    """
    known = TapUri.parse(uri)
    scheme, _, rest = pattern.partition("://")
    place, slash, path = rest.partition("/")
    host, port = place, str(_PORTS.get(scheme, ""))
    if not place.endswith("]") and ":" in place:
        host, _, port = place.rpartition(":")
    return (
        scheme == known.scheme
        and fnmatchcase(known.host, host.strip("[]").lower())
        and fnmatchcase(str(known.port), port)
        and fnmatchcase(known.path, f"/{path}" if slash else "*")
    )
