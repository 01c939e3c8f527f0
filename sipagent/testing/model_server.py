"""ModelServer: a local server that streams a model's answers from a script, in any dialect."""

import asyncio
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Self

from .dialects.dialect import Dialect, Event
from .dialects.openai_chat import OpenAIChat
from .model_script import Reply, Request, Script, ToolUse
from .tcp import TcpServer, read_http, while_there, write_chunk

__all__ = ["ModelServer", "Reply", "Request", "ToolUse"]


@dataclass(slots=True)
class ModelServer:
    """Use as `async with ModelServer([Reply("Good morning.")]) as server:`, on `server.base_url`.

    A bare string in the script is a reply of that text. A request beyond the script gets `again`,
    or 500.
    With `api_key`, requests without it get 401.
    """

    script: Sequence[Reply | str] = ()
    api_key: str | None = None
    dialect: Dialect = field(default_factory=OpenAIChat)
    again: Reply | None = None
    requests: list[Request] = field(default_factory=list)
    #: `time.monotonic()` of each connection the client closed before its answer was complete
    disconnects: list[float] = field(default_factory=list)
    _replies: Script = field(init=False)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _tcp: TcpServer = field(init=False)

    def __post_init__(self) -> None:
        script = [Reply(r) if isinstance(r, str) else r for r in self.script]
        self._replies = Script(script, self.again or Reply(status=500))
        self._tcp = TcpServer(self._talk)

    async def __aenter__(self) -> Self:
        await self._tcp.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._tcp.__aexit__(*error)

    @property
    def connections(self) -> int:
        """TCP connections there were so far."""
        return self._tcp.connections

    @property
    def base_url(self) -> str:
        """Where the API begins, as a client's `base_url`."""
        return f"http://{self._tcp.place}{self.dialect.prefix}"

    @property
    def chats(self) -> list[Request]:
        """The requests for an answer."""
        return [r for r in self.requests if self.dialect.is_asked(r)]

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait until a condition on the records holds (`lambda: server.disconnects`)."""
        async with self._changed:
            await self._changed.wait_for(happened)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        while (head := await read_http(reader)) is not None:
            body = json.loads(head.body) if head.body else {}
            request = Request(head.path, head.headers, body, number)
            self.requests.append(request)
            await self._notify()
            kept = await while_there(self._reply(request, writer), reader)
            if kept is None:
                self.disconnects.append(time.monotonic())
                await self._notify()
            if not kept:
                break

    async def _reply(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        dialect = self.dialect
        if self.api_key and dialect.key(request) != self.api_key:
            return await _json(writer, *dialect.refusal(401))
        if "/models" in request.path and not request.body:
            return await _json(writer, 200, dialect.models())
        if not dialect.is_asked(request):
            return await _json(writer, *dialect.refusal(400))
        reply = self._replies.take(dialect.last(request))
        await _wait(reply.stall)
        if reply.status != 200:
            wait = "" if reply.retry_after is None else f"Retry-After: {reply.retry_after}\r\n"
            return await _json(writer, *dialect.refusal(reply.status), more=wait)
        return await _stream(writer, dialect, reply, request)


async def _stream(
    writer: asyncio.StreamWriter, dialect: Dialect, reply: Reply, request: Request
) -> bool:
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    sent = 0
    for event in dialect.answer(reply, request):
        if sent == reply.drop_after:
            writer.transport.abort()
            return False
        if sent == reply.hold_after:
            await _wait(math.inf)
        if sent == reply.spoil_after:
            await write_chunk(writer, Event("{this is no JSON", event.name).encoded)
        if sent == reply.fail_after:
            await write_chunk(writer, dialect.failed().encoded)
            break
        if event.token and sent:
            await _wait(reply.pace)
        await write_chunk(writer, event.encoded)
        sent += event.token
    await write_chunk(writer, b"")
    return True


async def _json(
    writer: asyncio.StreamWriter, status: int, value: Mapping[str, Any], more: str = ""
) -> bool:
    data = json.dumps(value).encode()
    # 529 is Anthropic's own
    phrase = HTTPStatus(status).phrase if status in list(HTTPStatus) else "Overloaded"
    head = f"HTTP/1.1 {status} {phrase}\r\n{more}Content-Type: application/json\r\n"
    writer.write(head.encode() + b"Content-Length: %d\r\n\r\n%b" % (len(data), data))
    await writer.drain()
    return True


async def _wait(seconds: float) -> None:
    if seconds == math.inf:
        await asyncio.Event().wait()
    elif seconds > 0:
        await asyncio.sleep(seconds)
