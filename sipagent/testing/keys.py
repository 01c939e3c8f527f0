"""Keys: what the far end pressed, by whichever way it came (RFC 4733, INFO)."""

import asyncio
import re

from .rtp import KEYS
from .sip.message import Request

_SIGNAL = re.compile(rb"^\s*Signal\s*=\s*(\S)", re.IGNORECASE | re.MULTILINE)


class Keys:
    """Pressed keys in order; `take` reads on from where the last `take` ended."""

    def __init__(self) -> None:
        self.pressed = ""
        #: content type and body of every INFO
        self.infos: list[tuple[str, bytes]] = []
        self._taken = 0
        self._more = asyncio.Event()

    def press(self, key: str) -> None:
        """A key was pressed."""
        self.pressed += key
        self._more.set()

    def read_info(self, request: Request) -> None:
        """Take the key an INFO carries (`application/dtmf-relay` or `application/dtmf`), if any."""
        kind = request.get("Content-Type").lower()
        self.infos.append((kind, request.body))
        if kind.startswith("application/dtmf-relay"):
            found = _SIGNAL.search(request.body)
            key = found[1].decode("ascii", "replace") if found else ""
        elif kind.startswith("application/dtmf"):
            key = request.body.strip()[:1].decode("ascii", "replace")
        else:
            return
        if key and key in KEYS:
            self.press(key)

    async def take(self, count: int, timeout: float) -> str:
        """The next `count` keys. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while len(self.pressed) - self._taken < count:
                self._more.clear()
                await self._more.wait()
        taken = self.pressed[self._taken : self._taken + count]
        self._taken += count
        return taken
