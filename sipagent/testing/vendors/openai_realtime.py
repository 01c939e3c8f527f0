"""RealtimeServer: OpenAI's Realtime API from a script, strict by the vendor's own message types."""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from .faults import RETRY_AFTER, Fault
from .openai_session import RealtimeSession
from .realtime_script import Script

_STATUS = {Fault.WRONG_KEY: 401, Fault.RATE_LIMITED: 429, Fault.BROKEN: 503}


@dataclass(slots=True)
class RealtimeServer:
    """Use as `async with RealtimeServer(Script(...)) as server:`, on `server.base_url`.

    `refusals` are faults of the connections to come; with `api_key` any other is refused.
    """

    script: Script = field(default_factory=Script)
    api_key: str = ""
    refusals: list[Fault] = field(default_factory=list)
    sessions: list[RealtimeSession] = field(default_factory=list)
    _server: Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._talk, "127.0.0.1", 0, process_request=self._admit, max_size=2**22
        )
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def base_url(self) -> str:
        """Where the API begins, as a client's `base_url`."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"ws://{host}:{port}/v1"

    @property
    def session(self) -> RealtimeSession:
        """The newest session. Raises IndexError."""
        return self.sessions[-1]

    def kill(self) -> None:
        """End every connection without a word."""
        for session in self.sessions:
            session.kill()

    async def _admit(self, socket: ServerConnection, request: Request) -> Response | None:
        fault = self.refusals.pop(0) if self.refusals else None
        sent = request.headers.get("Authorization")
        if self.api_key and sent != f"Bearer {self.api_key}":
            fault = Fault.WRONG_KEY
        if fault in _STATUS:
            answer = socket.respond(_STATUS[fault], f"{fault}\n")
            if fault is Fault.RATE_LIMITED:
                answer.headers["Retry-After"] = str(RETRY_AFTER)
            return answer
        if not request.path.startswith("/v1/realtime?model="):
            return socket.respond(404, "no such model\n")
        return None

    async def _talk(self, socket: ServerConnection) -> None:
        session = RealtimeSession(socket, self.script)
        self.sessions.append(session)
        with suppress(ConnectionClosed):
            await session.run()
