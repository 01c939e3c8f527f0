"""Connections that go to judged addresses only, whatever the URL's name says by then."""

import asyncio
from collections.abc import Iterable
from typing import Any

import httpcore

from sipagent.call.web import WebFailed, WebUnreachable

from .guard import Guard


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Under the connection pool: resolves, judges, and tries one address after the other. TLS is
    above it and still wants the certificate of the name.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first address that takes one. Raises WebFailed."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._guard.addresses(host, port)
                return await self._first(host, addresses, port, timeout)
        except TimeoutError as error:
            raise WebUnreachable(f"{host}: no connection within {timeout:g} s") from error

    async def _first(
        self, host: str, addresses: Iterable[str], port: int, timeout: float | None
    ) -> httpcore.AsyncNetworkStream:
        known = list(addresses)
        patience = timeout / len(known) if timeout is not None else None
        cause: Exception = WebFailed(f"{host}: the host has no address")
        for address in known:
            try:
                return await self._plain.connect_tcp(address, port, patience)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                cause = WebUnreachable(f"{host}: port {port} cannot be reached: {_words(error)}")
        raise cause

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        """There is no way to these."""
        raise WebFailed("sockets of this machine are not the web")

    async def sleep(self, seconds: float) -> None:
        """As asyncio's."""
        await asyncio.sleep(seconds)


def _words(error: Exception) -> str:
    return str(error) or ("it does not answer" if "Timeout" in type(error).__name__ else "refused")
