"""SIP over WebSocket as a phone in a browser does it: nobody can connect to it (RFC 7118)."""

import asyncio
import secrets

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from sipagent.tasks import stopped

from .transport import Address, Receive, TlsEnds


class WebSocketTransport:
    """One connection per server address, made when something is first sent there.

    `local` is a name that exists nowhere (section 5.2.1): peers must answer on the connection.
    """

    reliable = True

    def __init__(self, receive: Receive, tls: TlsEnds | None = None) -> None:
        self.name = "WS" if tls is None else "WSS"
        self.local: Address = (f"{secrets.token_hex(6)}.invalid", 5060)
        #: why the last connection was not made or ended
        self.failure: Exception | None = None
        self._receive = receive
        self._tls = tls
        self._outgoing: dict[Address, asyncio.Queue[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, data: bytes, to: Address) -> None:
        """Send one message on the connection to `to`; make it first where there is none."""
        queue = self._outgoing.get(to)
        if queue is None:
            queue = self._outgoing[to] = asyncio.Queue()
            task = asyncio.ensure_future(self._talk(to, queue))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        queue.put_nowait(data)

    async def close(self) -> None:
        """Close every connection."""
        await stopped(*self._tasks)

    async def _talk(self, to: Address, queue: "asyncio.Queue[bytes]") -> None:
        host = f"[{to[0]}]" if ":" in to[0] else to[0]
        uri = f"{self.name.lower()}://{host}:{to[1]}/"
        ssl = self._tls.client if self._tls else None
        try:
            async with connect(uri, subprotocols=[Subprotocol("sip")], ssl=ssl) as connection:
                writing = asyncio.ensure_future(_write(connection, queue))
                try:
                    async for message in connection:
                        data = message.encode() if isinstance(message, str) else message
                        self._receive(data, to)
                finally:
                    writing.cancel()
        except (OSError, WebSocketException) as error:
            self.failure = error
        finally:
            self._outgoing.pop(to, None)


async def _write(connection: ClientConnection, queue: "asyncio.Queue[bytes]") -> None:
    try:
        while True:
            await connection.send((await queue.get()).decode())
    except ConnectionClosed:
        return  # the reader tells


async def open_websocket(
    host: str, port: int, receive: Receive, tls: TlsEnds | None = None
) -> WebSocketTransport:
    """Get ready; `host` and `port` mean nothing where nobody can connect."""
    return WebSocketTransport(receive, tls)
