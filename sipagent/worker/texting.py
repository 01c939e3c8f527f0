"""Which way a text goes out: numbers through the HTTP gateway or a trunk, SIP URIs as they are."""

from collections.abc import Mapping
from typing import Protocol

import structlog

from sipagent.call.target import PHONES, normalise, routable
from sipagent.config import Trunk
from sipagent.errors import LegFailed

from .dialing import NEXT_TRUNK, TRUNK_HEADER, takers, uri_at
from .presenting import present

log = structlog.get_logger(__name__)

#: tells the edge what From is to say; it goes no further
SENDER_HEADER = "X-Sipagent-Sender"


class Messenger(Protocol):
    """Sends a SIP MESSAGE outside any call."""

    async def message(self, uri: str, text: str, headers: Mapping[str, str]) -> int:
        """Send it and wait for the final status, a 2xx. Raises LegFailed with any other."""
        ...


class SmsService(Protocol):
    """Takes texts to numbers."""

    async def send(self, to: str, sender: str, text: str) -> int:
        """Hand it over; 200 or 202. Raises CallError."""
        ...


class Texter:
    """Behind `Texts`. `public_address` is the edge's: what it gets for an extension there, goes to
    all the places the phone has registered. With a gateway, no number leaves by a trunk.
    """

    def __init__(
        self,
        messenger: Messenger,
        trunks: Mapping[str, Trunk],
        *,
        public_address: str,
        extensions: frozenset[str] = frozenset(),
        gateway: SmsService | None = None,
    ) -> None:
        self._messenger = messenger
        self._trunks = trunks
        self._public_address = public_address
        self._extensions = extensions
        self._gateway = gateway

    async def send(self, target: str, text: str, *, sender: str | None = None) -> int:
        """See `Texts.send`. Raises CallError, LegFailed: 404 where nothing leads there."""
        known = normalise(target, self._extensions)
        if not known.startswith("tel:"):
            user, _, host = known.partition(":")[2].rpartition("@")
            uri = f"sip:{user}@{self._public_address}" if host == PHONES else routable(target)
            shown = {} if sender is None else {SENDER_HEADER: self._shown(sender)}
            return await self._messenger.message(uri, text, shown)
        number = known[4:]
        if self._gateway is not None:
            return await self._gateway.send(number, sender or "", text)
        *first, last = takers(self._trunks, number)
        for name in first:
            try:
                return await self._by(name, number, text, sender)
            except LegFailed as failed:
                if failed.status not in NEXT_TRUNK:
                    raise
                log.info("next_trunk", after=name, status=failed.status)
        return await self._by(last, number, text, sender)

    async def _by(self, name: str, number: str, text: str, sender: str | None) -> int:
        trunk = self._trunks[name]
        shown = present(trunk, sender, {})
        headers = {TRUNK_HEADER: name}
        if shown.from_ is not None:
            headers[SENDER_HEADER] = self._shown(shown.from_)
        return await self._messenger.message(uri_at(trunk, number), text, headers)

    def _shown(self, sender: str) -> str:
        """A number as an address of ours; an address as it is."""
        if "<" in sender:
            return sender
        uri = sender if sender.startswith("sip:") else f"sip:{sender}@{self._public_address}"
        return f"<{uri}>"
