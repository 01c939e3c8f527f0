"""Resolver: from the URI of a next hop to a peer, with names resolved and connections opened."""

import asyncio
import random
from collections.abc import Collection

from sipagent.errors import SipAgentError

from .desk import Address
from .headers import Uri
from .identity import Identity
from .listeners import LOOP, Listeners, Peer
from .names import Hop, NameFailed, NameService, is_address, locate
from .timers import Timers
from .tls import in_words

_NAMES = 1_000
#: what our listeners can send by, the usual one first
_TRANSPORTS = ("udp", "tcp", "tls")
_Key = tuple[str, int | None, str, bytes | None]


class Unreachable(SipAgentError):
    """The next hop has no address, or does not take a connection."""


class NoName(Unreachable):
    """The next hop has no address: the name service said so, or nothing."""


class Resolver:
    """RFC 3263 over a name service; what it says is remembered for a while, and so is who kept
    silent, to be tried last.
    """

    def __init__(
        self, listeners: Listeners, identity: Identity, timers: Timers, names: NameService
    ) -> None:
        self._listeners = listeners
        self._identity = identity
        self._timers = timers
        self._service = names
        self._chance = random.Random()  # noqa: S311 - spreads load, guards nothing
        self._names: dict[_Key, tuple[list[Hop], float]] = {}
        self._avoided: dict[Address, float] = {}
        self._under_way: dict[_Key, asyncio.Task[Peer]] = {}

    def known(self, uri: Uri, preferred: int = LOOP) -> Peer | None:
        """The peer, when it can be said without waiting. `preferred` is a UDP flow."""
        if self._identity.is_ours(uri.address):
            return Peer(LOOP, *uri.address)
        hops = self._hops(uri)
        return self._ready(hops[0], uri.host, preferred) if hops else None

    async def find(self, uri: Uri, preferred: int = LOOP) -> Peer:
        """The peer, after a look-up or a connection where needed. Raises Unreachable.

        Those who ask for the same hop meanwhile share one attempt and go on in their order.
        """
        if (peer := self.known(uri, preferred)) is not None:
            return peer
        key = _key(uri)
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self._reach(uri, preferred))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return await asyncio.shield(task)

    async def untried(
        self, uri: Uri, tried: Collection[Address], preferred: int = LOOP
    ) -> Peer | None:
        """The next peer of those that did not keep silent so far, or None. Raises Unreachable."""
        peer = await self.find(uri, preferred)
        return None if (peer.host, peer.port) in tried else peer

    def avoid(self, peer: Peer) -> None:
        """It did not answer: others with the same name come first for a while."""
        while len(self._avoided) >= _NAMES:
            del self._avoided[next(iter(self._avoided))]
        now = asyncio.get_running_loop().time()
        self._avoided[peer.host, peer.port] = now + self._timers.avoid

    def forget(self) -> None:
        """Ask the name service again from now on."""
        self._names.clear()
        self._avoided.clear()

    async def close(self) -> None:
        """Give up on everything under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _hops(self, uri: Uri) -> list[Hop]:
        if is_address(uri.host):
            return [Hop(uri.transport, *uri.address)]
        now = asyncio.get_running_loop().time()
        hops, until = self._names.get(_key(uri), ([], 0.0))
        if until <= now:
            return []
        silent = self._avoided
        return sorted(hops, key=lambda hop: silent.get((hop.host, hop.port), 0.0) > now)

    def _ready(self, hop: Hop, name: str, preferred: int) -> Peer | None:
        if self._identity.is_ours((hop.host, hop.port)):
            return Peer(LOOP, hop.host, hop.port)
        if hop.transport == "udp":
            return self._listeners.udp_towards(hop.host, hop.port, preferred)
        if hop.transport == "tcp":
            return self._listeners.connected(hop.host, hop.port)
        if hop.transport == "tls":  # to whoever proves the name, whatever its address
            return self._listeners.connected(name, hop.port, secure=True)
        return None

    async def _reach(self, uri: Uri, preferred: int) -> Peer:
        place = "{}:{}".format(*uri.address)
        # WebSocket phones connect, never we
        if uri.transport not in _TRANSPORTS:
            raise Unreachable(f"no way to send by {uri.transport}")
        try:
            async with asyncio.timeout(self._timers.reach):
                hops = self._hops(uri) or await self._look_up(uri)
                return await self._first(hops, uri.host, preferred)
        except NameFailed as error:
            raise NoName(str(error)) from error
        except OSError as error:  # TimeoutError is one
            raise Unreachable(f"{place}: {in_words(error, uri.host)}") from error

    async def _look_up(self, uri: Uri) -> list[Hop]:
        hops = await locate(uri, self._service, _TRANSPORTS, self._chance)
        while len(self._names) >= _NAMES:
            del self._names[next(iter(self._names))]
        until = asyncio.get_running_loop().time() + self._timers.names
        self._names[_key(uri)] = hops, until
        return self._hops(uri)

    async def _first(self, hops: list[Hop], name: str, preferred: int) -> Peer:
        failure: OSError | None = None
        for hop in hops:
            if (peer := self._ready(hop, name, preferred)) is not None:
                return peer
            if hop.transport != "udp":
                proven = name if hop.transport == "tls" else ""
                try:
                    return await self._listeners.connect(hop.host, hop.port, name=proven)
                except OSError as error:
                    failure = error
        raise failure or OSError("no socket of that address family")


def _key(uri: Uri) -> _Key:
    return uri.host, uri.port, uri.scheme, uri.param(b"transport")
