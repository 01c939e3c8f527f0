"""Acceptor: a listening socket that looks who connects before anything is spent on them."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sipagent.tasks import Background

from .desk import Address
from .stream import Connection

_BACKLOG = 128
#: connections taken in one turn of the loop
_AT_ONCE = 32
#: seconds without accepting when the process has no descriptor left
_BREATH = 0.5


class Gate(Protocol):
    """Who may connect."""

    def opens(self, host: str) -> bool:
        """May it? Then `closes` is called when it is gone."""
        ...

    def closes(self, host: str) -> None:
        """A connection that was let in is gone."""
        ...

    def hurries(self, host: str) -> float | None:
        """Seconds until its first message must be whole; None where there is no hurry."""
        ...


@dataclass(frozen=True, slots=True)
class Handshake:
    """TLS of accepted connections, with the seconds it may take."""

    context: ssl.SSLContext
    seconds: float


class Acceptor:
    """One listening TCP socket. asyncio's own servers tell of a peer only once it is shaken hands
    with, which is what a flood of connections would have us do.

    `make` makes the protocol of a connection; `gate` is asked first.
    """

    def __init__(
        self,
        host: str,
        port: int,
        make: Callable[[], Connection],
        gate: Gate,
        handshake: Handshake | None,
    ) -> None:
        """Bind and listen. Raises OSError."""
        self._make = make
        self._gate = gate
        self._handshake = handshake
        self._loop = asyncio.get_running_loop()
        self._tasks = Background()
        self._socket = socket.create_server(
            (host, port), family=_family(host), backlog=_BACKLOG, reuse_port=False
        )
        self._socket.setblocking(False)
        self.local: Address = self._socket.getsockname()[:2]
        self._loop.add_reader(self._socket, self._readable)

    async def close(self) -> None:
        """Stop; connections that stand are not touched. Idempotent."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()
        await self._tasks.stop()

    def _readable(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                wire, address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no descriptor left: those who wait are taken in a while
                self._loop.remove_reader(self._socket)
                self._loop.call_later(_BREATH, self._resume)
                return
            host = address[0]
            if not self._gate.opens(host):
                wire.close()
                continue
            wire.setblocking(False)
            self._tasks.start(self._serve(wire, host))

    def _resume(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket, self._readable)

    async def _serve(self, wire: socket.socket, host: str) -> None:
        """From the handshake to the end of one connection."""
        try:
            connection = self._make()
            if (hurry := self._gate.hurries(host)) is not None:
                connection.hello = self._loop.time() + hurry
            shake = self._handshake
            await self._loop.connect_accepted_socket(
                lambda: connection,
                wire,
                ssl=shake.context if shake else None,
                ssl_handshake_timeout=shake.seconds if shake else None,
            )
            await connection.gone.wait()
        except (OSError, ssl.SSLError):
            wire.close()
        finally:
            self._gate.closes(host)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
