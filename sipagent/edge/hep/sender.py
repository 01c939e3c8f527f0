"""Sending packets to the capture server: never waited for, dropped and counted where it is away."""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

from sipagent.config.hep import Hep
from sipagent.tasks import lasting, stopped

_log = structlog.get_logger(__name__)
#: packets that wait for a connection, or for a name to be found
_WAITING = 2_000
#: bytes that a connection has not taken yet; above, the server is too slow for us
_UNSENT = 4 << 20
#: seconds: until a connection stands, and between two attempts
_CONNECT, _AGAIN, _AGAIN_MOST = 5.0, 1.0, 30.0
#: by UDP a server that has moved is found again after so long
_LOOK_AGAIN = 300.0
#: a connection that takes nothing for so long is made anew
_STUCK = 10.0
#: for what waits when we go
_GRACE = 1.0


@dataclass(slots=True)
class Counts:
    """Since start."""

    sent: int = 0
    dropped: int = 0


class Sender:
    """One capture server, by UDP, TCP or TLS. `send` returns at once, whatever the server does."""

    def __init__(self, settings: Hep) -> None:
        self.counts = Counts()
        self._settings = settings
        self._waiting: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._away = ""

    def start(self) -> None:
        """Begin to send."""
        work = self._datagrams if self._settings.transport == "udp" else self._stream
        self._task = lasting(self._lasting(work), "HEP")

    def send(self, packet: bytes) -> None:
        """Send it soon; the newest are dropped while too many wait."""
        if self._task is None or len(self._waiting) >= _WAITING:
            self.counts.dropped += 1
            return
        self._waiting.append(packet)
        self._idle.clear()
        self._news.set()

    async def close(self) -> None:
        """Give what waits a moment. Idempotent."""
        task, self._task = self._task, None
        if task is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(0 if self._away else _GRACE):
                await self._idle.wait()
        await stopped(task)
        self.counts.dropped += len(self._waiting)
        self._waiting.clear()

    async def _lasting(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it again whenever it fails, ever more rarely while nothing gets through."""
        wait = _AGAIN
        while True:
            sent = self.counts.sent
            try:
                await work()
            except (OSError, TimeoutError) as error:
                self._missed(str(error) or type(error).__name__)
            wait = _AGAIN if self.counts.sent > sent else min(2 * wait, _AGAIN_MOST)
            await asyncio.sleep(wait)

    async def _datagrams(self) -> None:
        """Until it is time to look the server up again. Raises OSError."""
        loop = asyncio.get_running_loop()
        host, port = self._settings.place
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        until = loop.time() + _LOOK_AGAIN
        with socket.socket(found[0][0], socket.SOCK_DGRAM) as way:
            way.setblocking(False)
            while loop.time() < until:
                await self._next()
                # not connected: whether anybody listens is not told, and not asked
                self._datagram(way, self._waiting.popleft(), found[0][4])

    def _datagram(self, way: socket.socket, packet: bytes, to: Any) -> None:
        try:
            way.sendto(packet, to)
        except BlockingIOError:
            self.counts.dropped += 1
        except OSError as error:  # no route, or more than UDP can hold
            self.counts.dropped += 1
            self._missed(error.strerror or str(error))
        else:
            self._sent()

    async def _stream(self) -> None:
        """One connection until it breaks. Raises OSError, TimeoutError."""
        host, port = self._settings.place
        secure = self._settings.transport == "tls"
        trusted = self._settings.authorities
        context = (
            await asyncio.to_thread(ssl.create_default_context, cafile=trusted) if secure else None
        )
        async with asyncio.timeout(_CONNECT):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
        writer.transport.set_write_buffer_limits(high=_UNSENT)
        try:
            while True:
                await self._next()
                if reader.at_eof():
                    raise ConnectionResetError("the capture server closed the connection")
                writer.write(self._waiting.popleft())
                async with asyncio.timeout(_STUCK):
                    await writer.drain()
                self._sent()
        finally:
            writer.close()

    async def _next(self) -> None:
        """Wait until there is something to send."""
        while not self._waiting:
            self._idle.set()
            self._news.clear()
            await self._news.wait()

    def _sent(self) -> None:
        self.counts.sent += 1
        if self._away:
            self._away = ""
            _log.info("hep_sent_again", server=self._settings.server, dropped=self.counts.dropped)

    def _missed(self, cause: str) -> None:
        if not self._away:
            _log.warning("hep_server_away", server=self._settings.server, cause=cause)
        self._away = cause
