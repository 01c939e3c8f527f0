"""Resolver: from the URI of a next hop to a peer, with names resolved and connections opened."""

import asyncio
import socket
from ipaddress import ip_address

from sipagent.errors import SipAgentError

from .desk import Address
from .headers import Uri
from .identity import Identity
from .listeners import LOOP, Listeners, Peer
from .timers import Timers

_NAMES = 1_000


class Unreachable(SipAgentError):
    """The next hop has no address, or does not take a connection."""


class Resolver:
    """A and AAAA through the system's resolver; addresses are remembered for a while."""

    def __init__(self, listeners: Listeners, identity: Identity, timers: Timers) -> None:
        self._listeners = listeners
        self._identity = identity
        self._timers = timers
        self._names: dict[Address, tuple[tuple[str, ...], float]] = {}
        self._under_way: dict[tuple[str, str, int], asyncio.Task[Peer]] = {}

    def known(self, uri: Uri, preferred: int = LOOP) -> Peer | None:
        """The peer, when it can be said without waiting. `preferred` is a UDP flow."""
        if self._identity.is_ours(uri.address):
            return Peer(LOOP, *uri.address)
        for host in self._hosts(*uri.address):
            peer = self._ready(uri.transport, host, uri.address[1], preferred)
            if peer is not None:
                return peer
        return None

    async def find(self, uri: Uri, preferred: int = LOOP) -> Peer:
        """The peer, after a look-up or a connection where needed. Raises Unreachable.

        Those who ask for the same hop meanwhile share one attempt and go on in their order.
        """
        if (peer := self.known(uri, preferred)) is not None:
            return peer
        key = (uri.transport, *uri.address)
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self._reach(uri, preferred))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Give up on everything under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _hosts(self, host: str, port: int) -> tuple[str, ...]:
        try:
            return (str(ip_address(host)),)
        except ValueError:
            pass
        addresses, until = self._names.get((host, port), ((), 0.0))
        return addresses if until > asyncio.get_running_loop().time() else ()

    def _ready(self, transport: str, host: str, port: int, preferred: int) -> Peer | None:
        if self._identity.is_ours((host, port)):
            return Peer(LOOP, host, port)
        if transport == "udp":
            return self._listeners.udp_towards(host, port, preferred)
        if transport == "tcp":
            return self._listeners.connected(host, port)
        return None

    async def _reach(self, uri: Uri, preferred: int) -> Peer:
        host, port = uri.address
        if uri.transport not in ("udp", "tcp"):
            raise Unreachable(f"no way to send by {uri.transport}")
        hosts = self._hosts(host, port)
        try:
            async with asyncio.timeout(self._timers.reach):
                if not hosts:
                    hosts = await self._look_up(host, port)
                return await self._first(hosts, uri, preferred)
        except (OSError, UnicodeError) as error:  # TimeoutError is an OSError
            raise Unreachable(f"{host}:{port}: {error or 'no answer in time'}") from error

    async def _look_up(self, host: str, port: int) -> tuple[str, ...]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        hosts = tuple(dict.fromkeys(str(address[0]) for *_, address in found))
        while len(self._names) >= _NAMES:
            del self._names[next(iter(self._names))]
        self._names[host, port] = hosts, loop.time() + self._timers.names
        return hosts

    async def _first(self, hosts: tuple[str, ...], uri: Uri, preferred: int) -> Peer:
        port = uri.address[1]
        failure: OSError | None = None
        for host in hosts:
            if (peer := self._ready(uri.transport, host, port, preferred)) is not None:
                return peer
            if uri.transport == "tcp":
                try:
                    return await self._listeners.connect(host, port)
                except OSError as error:
                    failure = error
        raise failure or OSError("no socket of that address family")
