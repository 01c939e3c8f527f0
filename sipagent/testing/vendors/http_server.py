"""HttpServer: a small HTTP/1.1 server whose next answers can be made to go wrong."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Self

from ..tcp import TcpServer, read_http, while_there, write_chunk
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
    _left: int = 0
    _tcp: TcpServer = field(init=False)

    def __post_init__(self) -> None:
        self._tcp = TcpServer(self._talk)

    async def __aenter__(self) -> Self:
        await self._tcp.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._tcp.__aexit__(*error)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://{self._tcp.place}"

    @property
    def live(self) -> int:
        """Connections that are open."""
        return self._tcp.live

    @property
    def connections(self) -> int:
        """TCP connections there were so far."""
        return self._tcp.connections

    @property
    def abandoned(self) -> int:
        """Requests whose client left before the answer was complete."""
        return self._left + self._tcp.cut

    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        while (head := await read_http(reader)) is not None:
            request = HttpRequest(head.method, head.path, head.headers, head.body, number)
            self.requests.append(request)
            kept = await while_there(self._answer(request, writer), reader)
            self._left += kept is None
            if not kept:
                break

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
            await write_chunk(
                writer, data[: len(data) // 2] if fault is Fault.HALF_CLOSED else data
            )
            pieces += 1
        if fault is Fault.HALF_CLOSED:
            writer.close()
            return False
        while fault is Fault.HUGE:
            await write_chunk(writer, bytes(65_536))
        await write_chunk(writer, b"")
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


async def _head(writer: asyncio.StreamWriter, answer: HttpAnswer) -> None:
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
    lines += [f"content-type: {answer.kind}", "transfer-encoding: chunked"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    await writer.drain()
