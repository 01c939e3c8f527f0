"""Signatures by which a server knows that a request is this platform's: URL and body, by HMAC."""

import hashlib
import hmac
from collections.abc import Mapping


def signatures(key: str, url: str, body: bytes) -> Mapping[str, str]:
    """The headers for a request to `url` (without user and password), in hexadecimal."""
    secret, message = key.encode(), url.encode() + body
    return {
        "X-SignalWire-Signature": hmac.new(secret, message, hashlib.sha1).hexdigest(),
        "X-SignalWire-SHA256-Signature": hmac.new(secret, message, hashlib.sha256).hexdigest(),
    }
