"""A vendor's WebSocket: opened early, kept alive, bounded in time and size, its failures named."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ssl import SSLCertVerificationError
from typing import Any, Self

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
)
from websockets.frames import CloseCode

from sipagent.errors import ProviderError
from sipagent.tasks import stopped

from ..straight import Straight
from ..trust import tls
from .account import Account

#: what goes out: text or binary
Out = str | bytes
#: what came: a JSON object or binary
Message = Mapping[str, Any] | bytes

#: bytes of one message: ElevenLabs sends a sentence's audio as base64 in one of more than 1 MB
_LARGEST = 4 * 1024 * 1024
#: messages that may come at once, and in a second: no server of a conversation says more
_BURST, _EACH_SECOND = 2_000, 200
#: messages that may wait for the one who reads them
_UNREAD = _BURST
#: seconds a server may take to accept what we send, and to answer our close
_SEND_SECONDS, _CLOSE_SECONDS = 5.0, 1.0
#: a connection as young as this does not lose its way unnoticed
_STALE_SECONDS = 10.0
#: the library's own log would tell keys and words where it is set to debug
_quiet = logging.getLogger("sipagent.web_socket")
_quiet.setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect and how. `keep_alive` is sent after so many seconds in which nothing else
    was, `farewell` before the connection is closed; `closed` says what a close code means.
    """

    account: Account
    url: str
    headers: Mapping[str, str] = field(repr=False)
    connect_seconds: float
    keep_alive: Out | None = None
    keep_alive_seconds: float = 5.0
    farewell: Out | None = None
    closed: Callable[[int, str], ProviderError | None] = lambda code, reason: None


class Inbox:
    """What came over a wire since this was opened. Overfull, it fails; so it is bounded. Whoever
    opened it closes it, by `with` or by `close`.
    """

    def __init__(self, overfull: ProviderError, on_close: Callable[["Inbox"], None]) -> None:
        self._overfull = overfull
        self._on_close = on_close
        self._failure: ProviderError | None = None
        #: None: the time is over
        self._came: asyncio.Queue[Message | ProviderError | None] = asyncio.Queue(_UNREAD)
        self._lapse: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def put(self, item: Message | ProviderError | None) -> None:
        """Something came, or nothing will any more, or the time is over."""
        try:
            self._came.put_nowait(item)
        except asyncio.QueueFull:
            self._failure = item if isinstance(item, ProviderError) else self._overfull

    def within(self, seconds: float) -> None:
        """`next` gives None so many seconds from now, whatever came before; replaces what was
        said earlier.
        """
        self._no_lapse()
        self._lapse = asyncio.get_running_loop().call_later(seconds, self.put, None)

    async def next(self) -> Message | None:
        """The next message, or None: the time is over. Raises ProviderError: the wire is."""
        if self._failure is not None:
            raise self._failure
        item = await self._came.get()
        if isinstance(item, ProviderError):
            self._failure = item
            raise item
        return item

    def close(self) -> None:
        """Wait for nothing any more."""
        self._no_lapse()
        self._on_close(self)

    def _no_lapse(self) -> None:
        if self._lapse is not None:
            self._lapse.cancel()


class Wire:
    """An open connection. What comes goes to every inbox that is open, and else nowhere."""

    def __init__(self, socket: ClientConnection, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        #: why it can no longer be used
        self.failure: ProviderError | None = None
        self.on_failure: Callable[[Wire], None] = lambda wire: None
        #: what the server was told to lean to; a vendor's dialect keeps it here
        self.hinted: object = None
        self._socket = socket
        self._inboxes: set[Inbox] = set()
        self._opened = self._sent = time.monotonic()
        self._tasks = [asyncio.create_task(self._read())]
        if endpoint.keep_alive is not None:
            self._tasks.append(asyncio.create_task(self._keep(endpoint.keep_alive)))

    @classmethod
    async def open(cls, endpoint: Endpoint) -> "Wire":
        """Connect. Raises ProviderError."""
        secure = endpoint.url.startswith("wss:")
        try:
            socket = await Straight(
                endpoint.url,
                additional_headers=dict(endpoint.headers),
                open_timeout=endpoint.connect_seconds,
                close_timeout=_CLOSE_SECONDS,
                max_size=_LARGEST,
                compression=None,
                proxy=None,
                logger=_quiet,
                ssl=tls() if secure else None,
            )
        except (OSError, InvalidHandshake, InvalidURI, TimeoutError, EOFError) as error:
            raise _no_connection(error, endpoint) from error
        return cls(socket, endpoint)

    @property
    def age(self) -> float:
        """Seconds."""
        return time.monotonic() - self._opened

    @property
    def stale(self) -> bool:
        """True where its silence may be the network's fault, which another wire would not have."""
        return self.age > _STALE_SECONDS

    def inbox(self) -> Inbox:
        """Everything that comes from now on."""
        overfull = self.endpoint.account.malformed("more than could be read")
        inbox = Inbox(overfull, self._inboxes.discard)
        if self.failure is not None:
            inbox.put(self.failure)
        self._inboxes.add(inbox)
        return inbox

    async def send(self, *messages: Out) -> None:
        """In this order. What cannot be sent fails the wire; whoever reads it will be told."""
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                for message in messages:
                    self._sent = time.monotonic()
                    await self._socket.send(message)
        except ConnectionClosed:
            pass  # the reader knows why
        except TimeoutError:
            cause = f"{self.endpoint.account.base} takes nothing more from us"
            self._fail(self.endpoint.account.error(cause, retryable=True))

    async def close(self) -> None:
        """Say farewell and close; takes a second at most."""
        await stopped(*self._tasks)
        with suppress(ConnectionClosed, OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                if self.failure is None and self.endpoint.farewell is not None:
                    await self._socket.send(self.endpoint.farewell)
                await self._socket.close()
        self._socket.transport.abort()  # where it did not answer in time
        if self.failure is None:
            self._fail(self.endpoint.account.error("the connection was closed", retryable=True))

    async def _read(self) -> None:
        account = self.endpoint.account
        allowance, since = float(_BURST), time.monotonic()
        try:
            while True:
                message = _parsed(await self._socket.recv())
                now = time.monotonic()
                allowance = min(_BURST, allowance + (now - since) * _EACH_SECOND) - 1
                since = now
                if message is None:
                    raise account.malformed("something that is not JSON")
                if allowance < 0:
                    raise account.malformed("messages without end")
                for inbox in self._inboxes:
                    inbox.put(message)
        except ConnectionClosed as error:
            self._fail(self._closing(error))
        except ProviderError as error:
            self._fail(error)
            self._socket.transport.abort()  # nobody to say goodbye to

    def _closing(self, error: ConnectionClosed) -> ProviderError:
        if error.sent is not None and error.sent.code == CloseCode.MESSAGE_TOO_BIG:
            return self.endpoint.account.malformed(f"a message of more than {_LARGEST} bytes")
        code, reason = (error.rcvd.code, error.rcvd.reason) if error.rcvd else (1006, "")
        return self.endpoint.closed(code, reason) or self.endpoint.account.closed(code, reason)

    async def _keep(self, word: Out) -> None:
        while self.failure is None:
            idle = time.monotonic() - self._sent
            if idle >= self.endpoint.keep_alive_seconds:
                await self.send(word)
                idle = 0.0
            await asyncio.sleep(self.endpoint.keep_alive_seconds - idle)

    def _fail(self, failure: ProviderError) -> None:
        first, self.failure = self.failure is None, self.failure or failure
        if first:
            self.on_failure(self)
        for inbox in self._inboxes:
            inbox.put(failure)


def _parsed(raw: Out) -> Message | None:
    """None where it is no JSON object."""
    if isinstance(raw, bytes):
        return raw
    try:
        message = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def _no_connection(error: Exception, endpoint: Endpoint) -> ProviderError:
    account = endpoint.account
    if isinstance(error, InvalidStatus):
        answer = error.response
        said = answer.headers.get("dg-error") or bytes(answer.body or b"").decode(errors="replace")
        return account.refusal(answer.status_code, said, answer.headers.get("Retry-After"))
    if isinstance(error, TimeoutError):
        cause = f"{account.base} did not answer within {endpoint.connect_seconds:g} s"
        return account.error(f"{cause}: is the server up and base_url right?", retryable=True)
    if isinstance(error, InvalidURI):
        return account.error(f"{account.base} is no address: check base_url", retryable=False)
    if isinstance(error, InvalidHandshake | EOFError):
        return account.malformed("no WebSocket handshake")
    if isinstance(error, SSLCertVerificationError):
        cause = f"the certificate of {account.base} cannot be trusted: {error}"
        return account.error(cause, retryable=False)
    cause = f"cannot connect to {account.base}: is the server up and base_url right?"
    return account.error(cause, retryable=True)
