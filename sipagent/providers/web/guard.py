"""Guard: whom a plan, an agent or a function may ask on the web.

A URL may come from a caller or a model. Names are therefore resolved here, every address is
judged, and the connection goes to the very address that was judged: a name that changes its mind
between the question and the connection gains nothing.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from urllib.parse import urlsplit

from sipagent.call.web import WebFailed

from .addresses import Address, carried, is_public, parsed

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
#: beside these, ports below 1024 are those of other protocols than HTTP
_WEB_PORTS = frozenset({80, 443})
_FIRST_FREE_PORT = 1024


async def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of a host. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def problem(url: str, allow: Sequence[str]) -> str:
    """Why a URL whose host is an address, or localhost, will be refused; "" where it will not, or
    where only the call can tell.
    """
    parts = urlsplit(url)
    try:
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        known = ("::1", "127.0.0.1") if host == "localhost" else (str(parsed(host)),)
    except ValueError:
        return ""
    try:
        Guard(allow).judge(host, port, known)
    except WebFailed as error:
        return str(error)
    return ""


@dataclass(frozen=True, slots=True)
class Guard:
    """`allow` are hosts, host:port, addresses and networks as in `web.allow`."""

    allow: Sequence[str] = ()
    resolve: Resolve = resolve

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """The addresses that may be connected to, in their order. Raises WebFailed."""
        try:
            found = await self.resolve(host.strip("[]"), port)
        except (OSError, UnicodeError) as error:
            raise WebFailed(f"{host}: there is no such host") from error
        if not found:
            raise WebFailed(f"{host}: the host has no address")
        return self.judge(host, port, found)

    def judge(self, host: str, port: int, found: Sequence[str]) -> Sequence[str]:
        """Those of a host's addresses that may be connected to. Raises WebFailed."""
        name = host.strip("[]").lower().rstrip(".")
        shown = f"[{name}]" if ":" in name else name
        if not {name, shown, f"{shown}:{port}"}.isdisjoint(self.allow):
            return found
        if chosen := [text for text in found if self._listed(parsed(text), port)]:
            return chosen
        for text in found:
            if not is_public(parsed(text)):
                raise self._refused(shown, port, f"{text} is not a public address")
        if port not in _WEB_PORTS and port < _FIRST_FREE_PORT:
            raise self._refused(shown, port, f"port {port} is not one of the web's")
        return found

    def _listed(self, address: Address, port: int) -> bool:
        text = str(carried(address))
        shown = f"[{text}]" if ":" in text else text
        if {text, f"{shown}:{port}"} & set(self.allow):
            return True
        networks = (ip_network(entry) for entry in self.allow if "/" in entry)
        return any(carried(address) in network for network in networks)

    @staticmethod
    def _refused(shown: str, port: int, why: str) -> WebFailed:
        entry = f"{shown}:{port}"
        return WebFailed(
            f'{shown}: refused: {why}; to permit it write `web: {{allow: ["{entry}"]}}` '
            "in sipagent.yaml"
        )
