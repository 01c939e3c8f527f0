"""Home: what a worker knows of the server it belongs to, whichever process that is by now."""

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sipagent.meeting.short_path import short_path

Address = tuple[str, int]
_SOCKET = "gateway.sock"
_LAST_WORDS = "last-words"


@dataclass(frozen=True, slots=True)
class Home:
    """`folder` is the server's state, `edge` its SIP socket for workers; both stay the same from
    one gateway process to the next. `secret` proves that a worker belongs here.
    """

    folder: Path
    edge: Address
    secret: bytes

    @contextmanager
    def socket(self) -> Iterator[str]:
        """Where workers report, in a form short enough for unix(7) however long the path is."""
        with short_path(self.folder / _SOCKET) as path:
            yield path

    def take_socket_away(self) -> None:
        """Nobody listens there any more."""
        (self.folder / _SOCKET).unlink(missing_ok=True)

    def proof(self, token: str) -> str:
        """What only the worker of that token can say."""
        return hmac.digest(self.secret, token.encode(), "sha256").hex()

    def proven(self, token: str, proof: str) -> bool:
        """True for the right proof."""
        return hmac.compare_digest(self.proof(token), proof)

    def last_words(self, token: str) -> Path:
        """Where a worker leaves what no gateway came to hear."""
        return self.folder / _LAST_WORDS / f"{token}.jsonl"
