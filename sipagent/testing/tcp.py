"""A TCP server on loopback that leaves no connection behind, and the HTTP/1.1 a local one needs."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from sipagent.tasks import stopped

T = TypeVar("T")
#: one connection, and its number, from 1
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter, int], Awaitable[None]]


class TcpServer:
    """`async with TcpServer(talk) as server:`, on a free port. `connections` counts all there were,
    `cut` those whose client left in the middle of something, which is its right.
    """

    def __init__(self, talk: Talk) -> None:
        self.connections = 0
        self.cut = 0
        self._talk = talk
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()
        # an aborted connection ends its own task; cancelling it would be reported as a failure
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.gather(*self._open)

    @property
    def place(self) -> str:
        """`host:port`."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    @property
    def live(self) -> int:
        """Connections that are open."""
        return len(self._open)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        self.connections += 1
        try:
            await self._talk(reader, writer, self.connections)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.cut += 1
        finally:
            del self._open[task]
            writer.close()


async def while_there(work: Coroutine[Any, Any, T], reader: asyncio.StreamReader) -> T | None:
    """Do this while the client waits for it; None where it left before the end.

    A client of HTTP sends nothing before its answer is complete: a read can only find the end.
    """
    doing = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({doing, gone}, return_when=asyncio.FIRST_COMPLETED)
        return await doing if doing.done() else None
    finally:
        await stopped(doing, gone)


@dataclass(frozen=True, slots=True)
class HttpHead:
    """A request's line and headers (names in lower case), and its body."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


async def read_http(reader: asyncio.StreamReader) -> HttpHead | None:
    """The next request of a connection, None at its end."""
    line = await reader.readline()
    if not line:
        return None
    method, path, _ = line.decode().split()
    headers: dict[str, str] = {}
    while (line := await reader.readline()).strip():
        name, _, value = line.decode().partition(":")
        headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return HttpHead(method, path, headers, body)


async def write_chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    """A chunk of `Transfer-Encoding: chunked`; an empty one is the last (RFC 9112 section 7.1)."""
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))
    await writer.drain()
