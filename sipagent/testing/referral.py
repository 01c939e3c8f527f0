"""Referral: how a REFER of ours goes, as the far end reports it in NOTIFY (RFC 3515)."""

import asyncio
import re

from sipagent.call.leg import ReferOutcome

from .sip.message import Request, phrase

_SIPFRAG = re.compile(rb"^SIP/2\.0 (\d{3}) ?([^\r\n]*)")


class Referral:
    """Collects sipfrags until a final one, or until the subscription ends."""

    def __init__(self) -> None:
        self._last = ReferOutcome(100, phrase(100))
        self._over = asyncio.Event()
        #: every NOTIFY so far
        self.notifies: list[Request] = []

    def notified(self, request: Request) -> None:
        """A NOTIFY of the refer event arrived."""
        self.notifies.append(request)
        found = _SIPFRAG.match(request.body)
        if found:
            self._last = ReferOutcome(int(found[1]), found[2].decode("utf-8", "replace"))
        ended = request.get("Subscription-State").lower().startswith("terminated")
        if ended or self._last.status >= 200:
            self._over.set()

    async def outcome(self, timeout: float) -> ReferOutcome:
        """The final status reported; 408 where none came in time."""
        try:
            async with asyncio.timeout(timeout):
                await self._over.wait()
        except TimeoutError:
            return ReferOutcome(408, "no final NOTIFY")
        return self._last
