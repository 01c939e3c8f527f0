"""ModelServer: a local server that speaks the OpenAI streaming protocol from a script."""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Self

Body = Mapping[str, Any]
When = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One tool call of a reply. `arguments` are sent as they are, well formed or not."""

    name: str
    arguments: str = "{}"
    id: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answers once.

    With `when`, the reply is for the next request whose last message satisfies it; without, for
    the next request that no `when` claims. Times are seconds, `math.inf` waits for the client to
    give up. `drop_after` cuts the connection, `hold_after` falls silent, after so many tokens.
    """

    text: str = ""
    tools: Sequence[ToolUse] = ()
    status: int = 200
    stall: float = 0.0
    pace: float = 0.0
    drop_after: int | None = None
    hold_after: int | None = None
    when: When | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came. `connection` counts TCP connections from 1."""

    path: str
    headers: Mapping[str, str]
    body: Body
    connection: int

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The `messages` of a chat completion."""
        return list(self.body.get("messages", []))


@dataclass(slots=True)
class _Script:
    replies: list[Reply]

    def take(self, body: Body) -> Reply:
        last = (body.get("messages") or [{}])[-1]
        for reply in self.replies:
            if reply.when is not None and reply.when(last):
                break
        else:
            reply = next((r for r in self.replies if r.when is None), None) or Reply(status=500)
        with suppress(ValueError):
            self.replies.remove(reply)
        return reply


@dataclass(slots=True)
class ModelServer:
    """Use as `async with ModelServer([Reply("Good morning.")]) as server:`, on `server.base_url`.

    A bare string in the script is a reply of that text. A request beyond the script gets 500.
    With `api_key`, requests without it get 401.
    """

    script: Sequence[Reply | str] = ()
    api_key: str | None = None
    requests: list[Request] = field(default_factory=list)
    #: `time.monotonic()` of each connection the client closed before its answer was complete
    disconnects: list[float] = field(default_factory=list)
    connections: int = 0
    _replies: _Script = field(init=False)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _server: asyncio.Server | None = None
    _open: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._replies = _Script([Reply(r) if isinstance(r, str) else r for r in self.script])

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
    def base_url(self) -> str:
        """Where the API begins, as a client's `base_url`."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}/v1"

    @property
    def chats(self) -> list[Request]:
        """The chat completion requests."""
        return [r for r in self.requests if r.path.endswith("/chat/completions")]

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait until a condition on the records holds (`lambda: server.disconnects`)."""
        async with self._changed:
            await self._changed.wait_for(happened)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        self.connections += 1
        number = self.connections
        try:
            while (request := await _read(reader, number)) is not None:
                self.requests.append(request)
                await self._notify()
                if not await self._answer(request, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client's right; what it cut short is on record
        finally:
            del self._open[task]
            writer.close()

    async def _answer(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Reply while watching for the client to leave; False where the connection is done."""
        reply = asyncio.ensure_future(self._reply(request, writer))
        # the client sends nothing before its answer is complete, so a read can only find the end
        gone = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({reply, gone}, return_when=asyncio.FIRST_COMPLETED)
            if reply.done():
                return await reply
            self.disconnects.append(time.monotonic())
            await self._notify()
            return False
        finally:
            for task in (reply, gone):
                task.cancel()
            await asyncio.gather(reply, gone, return_exceptions=True)

    async def _reply(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        if self.api_key and request.headers.get("authorization") != f"Bearer {self.api_key}":
            return await _error(writer, 401)
        if request.path.endswith("/models"):
            return await _json(writer, 200, {"object": "list", "data": []})
        if not request.path.endswith("/chat/completions") or not request.body.get("stream"):
            return await _error(writer, 400)
        reply = self._replies.take(request.body)
        await _wait(reply.stall)
        if reply.status != 200:
            return await _error(writer, reply.status)
        return await _stream(writer, reply, str(request.body.get("model", "")))


async def _read(reader: asyncio.StreamReader, connection: int) -> Request | None:
    line = await reader.readline()
    if not line:
        return None
    _, path, _ = line.decode().split()
    headers: dict[str, str] = {}
    while (line := await reader.readline()).strip():
        name, _, value = line.decode().partition(":")
        headers[name.strip().lower()] = value.strip()
    raw = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(path, headers, json.loads(raw) if raw else {}, connection)


async def _stream(writer: asyncio.StreamWriter, reply: Reply, model: str) -> bool:
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    sent = 0
    async for delta in _deltas(reply):
        if sent == reply.drop_after:
            writer.transport.abort()
            return False
        if sent == reply.hold_after:
            await _wait(math.inf)
        await _event(writer, model, {"index": 0, "delta": delta, "finish_reason": None})
        sent += 1
    if reply.drop_after is not None:
        writer.transport.abort()
        return False
    finish = "tool_calls" if reply.tools else "stop"
    await _event(writer, model, {"index": 0, "delta": {}, "finish_reason": finish})
    usage = {"prompt_tokens": 1, "completion_tokens": sent, "total_tokens": sent + 1}
    await _event(writer, model, None, usage=usage)
    await _chunk(writer, b"data: [DONE]\n\n")
    await _chunk(writer, b"")
    return True


async def _deltas(reply: Reply) -> AsyncIterator[dict[str, Any]]:
    """Tokens are words; a tool call's arguments come in three pieces."""
    words = reply.text.split(" ") if reply.text else []
    for index, word in enumerate(words):
        if index:
            await _wait(reply.pace)
        role = {} if index else {"role": "assistant"}
        yield {**role, "content": word if index == len(words) - 1 else word + " "}
    for index, tool in enumerate(reply.tools):
        function = {"name": tool.name, "arguments": ""}
        name = tool.id or f"call_{index + 1}"
        yield {
            "tool_calls": [{"index": index, "id": name, "type": "function", "function": function}]
        }
        third = len(tool.arguments) // 3 + 1
        for start in range(0, len(tool.arguments), third):
            await _wait(reply.pace)
            piece = {"arguments": tool.arguments[start : start + third]}
            yield {"tool_calls": [{"index": index, "function": piece}]}


async def _event(
    writer: asyncio.StreamWriter, model: str, choice: Mapping[str, Any] | None, **more: Any
) -> None:
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": model,
        "choices": [choice] if choice else [],
        **more,
    }
    await _chunk(writer, b"data: " + json.dumps(chunk).encode() + b"\n\n")


async def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))
    await writer.drain()


async def _error(writer: asyncio.StreamWriter, status: int) -> bool:
    phrase = HTTPStatus(status).phrase
    return await _json(
        writer, status, {"error": {"message": phrase, "type": "error", "code": str(status)}}
    )


async def _json(writer: asyncio.StreamWriter, status: int, value: object) -> bool:
    data = json.dumps(value).encode()
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n"
    writer.write(head.encode() + b"Content-Length: %d\r\n\r\n%b" % (len(data), data))
    await writer.drain()
    return True


async def _wait(seconds: float) -> None:
    if seconds == math.inf:
        await asyncio.Event().wait()
    elif seconds > 0:
        await asyncio.sleep(seconds)
