"""SocketServer: a local WebSocket server of one vendor's protocol, strict, and with faults."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol, Self
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from .faults import LATE, RETRY_AFTER, Fault

Said = str | bytes
#: a field of a message that must be there, and its type
Fields = Mapping[str, type | tuple[type, ...]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An HTTP answer instead of a WebSocket."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Unlawful(Exception):
    """The client said something that the vendor's protocol does not know."""


class Vendor(Protocol):
    """What a vendor's server does."""

    def refusal(self, visit: "Visit") -> Refusal | None:
        """Why this client gets no WebSocket."""
        ...

    async def serve(self, visit: "Visit") -> None:
        """Talk with it until it goes."""
        ...


class Visit:
    """One connection: what its client asked for and said, and how it is answered."""

    def __init__(self, server: "SocketServer", request: Request) -> None:
        address = urlsplit(request.path)
        self.path = address.path
        self.query = parse_qs(address.query, keep_blank_values=True)
        self.headers = request.headers
        self.said: list[Said] = []
        self.open = True
        self.socket: ServerConnection | None = None
        self._server = server

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The JSON messages the client said."""
        return [json.loads(one) for one in self.said if isinstance(one, str) and one[:1] == "{"]

    @property
    def audio(self) -> bytes:
        """The binary messages the client said, in one."""
        return b"".join(one for one in self.said if isinstance(one, bytes))

    async def hear(self) -> AsyncIterator[Said]:
        """What the client says, until it goes."""
        assert self.socket is not None
        async for message in self.socket:
            said = message if isinstance(message, str) else bytes(message)
            if self._server.keep:
                self.said.append(said)
                await self._server.changed()
            yield said

    async def say(self, *messages: Said | Mapping[str, Any]) -> None:
        """Messages; a mapping is sent as JSON."""
        assert self.socket is not None
        for message in messages:
            ready = message if isinstance(message, str | bytes) else json.dumps(dict(message))
            await self.socket.send(ready)

    async def answer(self, *messages: Said | Mapping[str, Any]) -> bool:
        """The messages of one answer, or what the next fault makes of them; True if whole."""
        fault = self._server.fault()
        match fault:
            case Fault.LATE:
                await asyncio.sleep(LATE)
                await self.say(*messages)
            case Fault.SILENT:
                pass
            case Fault.HALF_CLOSED:
                await self.say(*messages[: len(messages) // 2])
                self.abort()
            case Fault.MALFORMED:
                await self.say('{"type": ')
            case Fault.HUGE:
                while True:
                    await self.say(messages[0])
            case Fault.BROKEN:
                await self.close(1011, "the server has failed")
            case _:
                await self.say(*messages)
        return fault in (None, Fault.LATE)

    async def close(self, code: int, reason: str) -> None:
        """Close with a WebSocket close code."""
        assert self.socket is not None
        await self.socket.close(code, reason)

    def abort(self) -> None:
        """End the TCP connection without a word."""
        assert self.socket is not None
        self.socket.transport.abort()


class SocketServer:
    """Use as `async with SocketServer(vendor) as server:`, at `server.base_url`.

    `faults` are taken one after the other: refusals by the next connection, all others by the
    next answer. Without `keep` it forgets what clients say.
    """

    def __init__(self, vendor: Vendor, *, keep: bool = True) -> None:
        self.keep = keep
        self.faults: deque[Fault] = deque()
        self.visits: list[Visit] = []
        self._vendor = vendor
        #: where the API begins, as a provider's `base_url`
        self.base_url = ""
        self._server: Server | None = None
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            0,
            process_request=self._judge,
            compression=None,
            max_size=1024 * 1024,
            close_timeout=1,
        )
        host, port = next(iter(self._server.sockets)).getsockname()[:2]
        self.base_url = f"ws://{host}:{port}"
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """End every connection, and take no more."""
        assert self._server is not None
        self._server.close(close_connections=True)
        await self._server.wait_closed()

    @property
    def open(self) -> list[Visit]:
        """The connections that are open."""
        return [visit for visit in self.visits if visit.open]

    def fault(self) -> Fault | None:
        """What goes wrong with the next answer."""
        if self.faults and self.faults[0] not in _REFUSALS:
            return self.faults.popleft()
        return None

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait until a condition on the records holds. Raises TimeoutError."""
        async with asyncio.timeout(5), self._changed:
            await self._changed.wait_for(happened)

    async def changed(self) -> None:
        """Look again at what `until` waits for."""
        async with self._changed:
            self._changed.notify_all()

    def _judge(self, connection: ServerConnection, request: Request) -> Response | None:
        visit = Visit(self, request)
        refusal = self._vendor.refusal(visit)
        if self.faults and self.faults[0] in _REFUSALS:
            refusal = _REFUSALS[self.faults.popleft()]
        if refusal is None:
            setattr(connection, "visit", visit)  # noqa: B010 - no field of the library's
            return None
        body = refusal.body.encode()
        headers = Headers(
            {**refusal.headers, "Content-Length": str(len(body)), "Content-Type": "text/plain"}
        )
        return Response(refusal.status, HTTPStatus(refusal.status).phrase, headers, body)

    async def _serve(self, connection: ServerConnection) -> None:
        visit: Visit = connection.visit  # type: ignore[attr-defined]
        visit.socket = connection
        self.visits.append(visit)
        await self.changed()
        with suppress(ConnectionClosed):
            await self._vendor.serve(visit)
        visit.open = False
        await self.changed()


_REFUSALS = {
    Fault.RATE_LIMITED: Refusal(429, "too many", {"Retry-After": str(RETRY_AFTER)}),
    Fault.WRONG_KEY: Refusal(401, "who is that?"),
}


def lawful(message: Said, kinds: Mapping[str, Fields], kind_at: str = "type") -> dict[str, Any]:
    """A client's JSON message, of one of these kinds and with no field that is unknown.

    Raises Unlawful.
    """
    try:
        fields = json.loads(message)
        kind = fields.pop(kind_at)
        known = kinds[kind]
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise Unlawful(f"not a message: {message[:80]!r}") from error
    for name, value in fields.items():
        if name not in known or not isinstance(value, known[name]):
            raise Unlawful(f"{kind} has no field {name} = {value!r}")
    return {kind_at: kind, **fields}


def asked(visit: Visit, known: str, needed: str) -> str:
    """What is wrong with the query of an address, or the empty string; names apart by spaces."""
    unknown = sorted(visit.query.keys() - set(known.split()))
    missing = sorted(set(needed.split()) - visit.query.keys())
    return f"unknown {unknown}, missing {missing}" if unknown or missing else ""
