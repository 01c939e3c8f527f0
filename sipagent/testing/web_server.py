"""WebServer: an HTTP server on a socket of this machine that answers as told, kindly or not."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from sipagent.tasks import stopped


@dataclass(frozen=True, slots=True)
class Question:
    """One request; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def json(self) -> Any:
        """The body, as JSON."""
        return json.loads(self.body)

    @property
    def user(self) -> str:
        """`user:password` of Basic auth, or nothing."""
        kind, _, pair = self.headers.get("authorization", "").partition(" ")
        return base64.b64decode(pair).decode() if kind == "Basic" else ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server says. `data` is sent as JSON, else `body`."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    data: Any = None

    def wire(self) -> bytes:
        """As HTTP/1.1."""
        body = self.body if self.data is None else json.dumps(self.data).encode()
        kind = {"Content-Type": "application/json"} if self.data is not None else {}
        fields = {**kind, **self.headers, "Content-Length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"HTTP/1.1 {self.status} X\r\n{head}\r\n".encode() + body


#: an answer, or the bytes of one as they are to be sent, piece by piece; the connection ends then
Answering = Callable[[Question], Answer | AsyncIterator[bytes]]


class WebServer:
    """`answer` is called for each request; `requests` keeps them all."""

    def __init__(
        self,
        answer: Answering,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.requests: list[Question] = []
        self.connections = 0
        #: where it listens, once it does
        self.port = port
        self._answer = answer
        self._at = host, port
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    @property
    def place(self) -> str:
        """host:port, as in `web.allow`."""
        host = self._at[0]
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Without a path."""
        return f"{'https' if self._tls else 'http'}://{self.place}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, *self._at, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await stopped(*self._open)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._one(reader, writer):
                    pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ", 2)
        pairs = (line.partition(":") for line in head[1:] if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        question = Question(method, target, headers, body)
        self.requests.append(question)
        answer = self._answer(question)
        if isinstance(answer, Answer):
            writer.write(answer.wire())
            await writer.drain()
            return True
        async for piece in answer:
            writer.write(piece)
            await writer.drain()
        return False
