"""HttpServer: a small HTTP/1.1 server whose next answers can be made to go wrong."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Self

from .faults import LATE, RETRY_AFTER, Fault

_PIECE = 4_096


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request as it came. `connection` counts TCP connections from 1."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What is answered; the body is sent chunk by chunk as it is made."""

    body: AsyncIterator[bytes] | bytes
    kind: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def refused(status: int, message: str, **headers: str) -> HttpAnswer:
    """An error as OpenAI's API words it."""
    told = {"error": {"message": message, "type": "invalid_request_error", "code": None}}
    return HttpAnswer(json.dumps(told).encode(), status=status, headers=headers)


Handler = Callable[[HttpRequest], Awaitable[HttpAnswer]]


@dataclass(slots=True)
class HttpServer:
    """Use as `async with HttpServer(handler) as server:`, on `server.url`.

    Each of `faults` spoils one request that is not a GET, in order; then all goes well.
    """

    handler: Handler
    faults: deque[Fault] = field(default_factory=deque)
    requests: list[HttpRequest] = field(default_factory=list)
    connections: int = 0
    #: requests whose client left before the answer was complete
    abandoned: int = 0
    _server: asyncio.Server | None = None
    _open: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.gather(*self._open)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    @property
    def live(self) -> int:
        """Connections that are open."""
        return len(self._open)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        self.connections += 1
        number = self.connections
        try:
            while (request := await _read(reader, number)) is not None:
                self.requests.append(request)
                if not await self._watched(request, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            self.abandoned += 1
        finally:
            del self._open[task]
            writer.close()

    async def _watched(
        self, request: HttpRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer, while the client is there; False where the connection is done."""
        answer = asyncio.ensure_future(self._answer(request, writer))
        # a client sends nothing before its answer is complete: a read can only find the end
        gone = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return await answer
            self.abandoned += 1
            return False
        finally:
            for waiting in (answer, gone):
                waiting.cancel()
            await asyncio.gather(answer, gone, return_exceptions=True)

    async def _answer(self, request: HttpRequest, writer: asyncio.StreamWriter) -> bool:
        fault = self.faults.popleft() if self.faults and request.method != "GET" else None
        if fault is Fault.SILENT:
            await asyncio.Event().wait()
        if fault is Fault.LATE:
            await asyncio.sleep(LATE)
        answer = _spoilt(fault) or await self.handler(request)
        await _head(writer, answer)
        pieces = 0
        async for data in _pieces(answer):
            if fault is Fault.HALF_CLOSED and pieces:
                break
            await _chunk(writer, data[: len(data) // 2] if fault is Fault.HALF_CLOSED else data)
            pieces += 1
        if fault is Fault.HALF_CLOSED:
            writer.close()
            return False
        while fault is Fault.HUGE:
            await _chunk(writer, bytes(65_536))
        await _chunk(writer, b"")
        return True


def _spoilt(fault: Fault | None) -> HttpAnswer | None:
    match fault:
        case Fault.MALFORMED:
            return HttpAnswer(b"<html>It works!</html>", "text/html")
        case Fault.RATE_LIMITED:
            after = {"retry-after": str(RETRY_AFTER)}
            return refused(429, "Rate limit reached.", **after)
        case Fault.WRONG_KEY:
            return refused(401, "Incorrect API key provided: sk-secret.")
        case Fault.BROKEN:
            return refused(503, "The engine is overloaded.")
    return None


async def _pieces(answer: HttpAnswer) -> AsyncIterator[bytes]:
    if not isinstance(answer.body, bytes):
        async for data in answer.body:
            yield data
        return
    for start in range(0, len(answer.body), _PIECE):
        yield answer.body[start : start + _PIECE]


async def _read(reader: asyncio.StreamReader, connection: int) -> HttpRequest | None:
    line = await reader.readline()
    if not line:
        return None
    method, path, _ = line.decode().split()
    headers: dict[str, str] = {}
    while (line := await reader.readline()).strip():
        name, _, value = line.decode().partition(":")
        headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return HttpRequest(method, path, headers, body, connection)


async def _head(writer: asyncio.StreamWriter, answer: HttpAnswer) -> None:
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
    lines += [f"content-type: {answer.kind}", "transfer-encoding: chunked"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    await writer.drain()


async def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))
    await writer.drain()
