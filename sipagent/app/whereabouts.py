"""Whereabouts: the public addresses STUN tells us, found at start and watched."""

import asyncio
from collections.abc import Callable

import structlog

from sipagent.config import Settings
from sipagent.edge.stun import StunFailed, StunServer, public_address, read_server
from sipagent.errors import SipAgentError
from sipagent.tasks import lasting, stopped

log = structlog.get_logger(__name__)


class Unlocated(SipAgentError):
    """A STUN server of the settings gave no address."""


class Whereabouts:
    """`sip` and `rtp` are the addresses found, None where the settings do not ask STUN."""

    def __init__(self, settings: Settings) -> None:
        self._found: dict[str, str] = {}
        self._seconds = settings.sip.stun_seconds
        self._asked = {
            name: (server, host)
            for name, text, host in (
                ("sip", settings.sip.public_address, settings.sip.listen[0].host),
                ("rtp", settings.rtp.public_address, settings.rtp.host),
            )
            if text is not None and (server := read_server(text)) is not None
        }
        self._watching: asyncio.Task[None] | None = None
        self._silent: set[str] = set()

    @property
    def sip(self) -> str | None:
        """Where SIP peers reach us."""
        return self._found.get("sip")

    @property
    def rtp(self) -> str | None:
        """Where media reaches us."""
        return self._found.get("rtp")

    async def find(self) -> None:
        """Ask for each. Raises Unlocated, which says which setting and why."""
        for name, (server, host) in self._asked.items():
            try:
                self._found[name] = await public_address(server, host)
            except StunFailed as error:
                raise Unlocated(f"{name}.public_address: {error}") from error
            log.info("public_address_found", of=name, address=self._found[name])

    def watch(self, changed: Callable[[], None]) -> None:
        """Ask again and again; `changed` is called when an address is another one."""
        if self._asked:
            self._watching = lasting(self._watch(changed), "public addresses")

    async def close(self) -> None:
        """Stop. Idempotent."""
        await stopped(self._watching)

    async def _watch(self, changed: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            news = [
                await self._look(name, server, host) for name, (server, host) in self._asked.items()
            ]
            if any(news):
                changed()

    async def _look(self, name: str, server: StunServer, host: str) -> bool:
        """True for another address; while the server is silent the old one stands."""
        old = self._found.get(name)
        try:
            new = await public_address(server, host)
        except StunFailed as error:
            if name not in self._silent:
                log.warning("public_address_unknown", of=name, kept=old, cause=str(error))
            self._silent.add(name)
            return False
        self._silent.discard(name)
        if new == old:
            return False
        log.warning("public_address_changed", of=name, old=old, new=new)
        self._found[name] = new
        return True


def host_port(address: tuple[str, int]) -> str:
    """`127.0.0.1:5060`, `[::1]:5060`."""
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"{host}:{address[1]}"
