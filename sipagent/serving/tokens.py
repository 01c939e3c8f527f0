"""Tokens: who may call a function, for how long; known by nobody who was not given one."""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass

#: seconds a token is good for
LIFETIME = 3600.0


@dataclass(frozen=True, slots=True)
class Tokens:
    """HMAC-SHA256 over function, expiry (seconds since the epoch) and a nonce. Several processes
    of one endpoint need one `secret`.
    """

    secret: bytes
    lifetime: float = LIFETIME

    def mint(self, function: str, now: float) -> str:
        """A token for one function, from `now` on."""
        told = f"{function}.{int(now + self.lifetime)}.{secrets.token_hex(8)}"
        return base64.urlsafe_b64encode(f"{told}.{self._sign(told)}".encode()).decode()

    def valid(self, token: str, function: str, now: float) -> bool:
        """True for what `mint` made for this function and is not too old."""
        try:
            text = base64.urlsafe_b64decode(token.encode()).decode()
        except (binascii.Error, ValueError):
            return False
        told, _, signature = text.rpartition(".")
        name, _, rest = told.partition(".")
        expiry = rest.partition(".")[0]
        genuine = hmac.compare_digest(self._sign(told).encode(), signature.encode())
        return genuine and name == function and expiry.isdecimal() and now <= int(expiry)

    def _sign(self, told: str) -> str:
        return hmac.new(self.secret, told.encode(), hashlib.sha256).hexdigest()
