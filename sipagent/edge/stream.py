"""SIP over connections; on a byte stream framing by Content-Length, keep-alives (RFC 3261 18.3)."""

import asyncio
from abc import ABC, abstractmethod
from typing import Protocol

from .desk import Address
from .headers import Bad
from .message import content_length
from .timers import Timers

_UNSENT = 1 << 20
_PING, _PONG = b"\r\n\r\n", b"\r\n"


class Owner(Protocol):
    """Who hears of a connection."""

    def opened(self, connection: "Connection") -> None:
        """It is up: over TLS, shaken hands too."""
        ...

    def closed(self, connection: "Connection") -> None:
        """It is gone."""
        ...

    def received(self, connection: "Connection", data: bytes) -> None:
        """One whole message came."""
        ...


class Connection(asyncio.Protocol, ABC):
    """One connection, accepted or made: both its ends, what is written, how long it was silent.

    `transport` is its name in Via; `name` the host it was made for, empty where it was accepted.
    """

    def __init__(self, number: int, transport: str, owner: Owner, *, name: str = "") -> None:
        self.number = number
        self.transport = transport
        self.name = name
        self.local: Address = ("", 0)
        self.remote: Address = ("", 0)
        self._owner = owner
        self._wire: asyncio.Transport | None = None
        self._heard = 0.0
        self._greeted = False
        #: loop time by which the first message must be whole, where there is a hurry
        self.hello: float | None = None
        self.gone = asyncio.Event()
        #: since when a message has been coming; None between messages
        self._began: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note both ends."""
        assert isinstance(transport, asyncio.Transport)
        self._wire = transport
        self.local = transport.get_extra_info("sockname")[:2]
        # None where it is gone already
        self.remote = (transport.get_extra_info("peername") or ("", 0))[:2]
        self._heard = asyncio.get_running_loop().time()
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes, hand up whole messages."""
        self._heard = asyncio.get_running_loop().time()
        if not self._take(data):
            self._began = None
        elif self._began is None:
            self._began = self._heard

    def connection_lost(self, exc: Exception | None) -> None:
        """The far end went, or we did."""
        self._wire = None
        self.gone.set()
        self._owner.closed(self)

    def send(self, data: bytes, to: Address) -> None:
        """Send one message; a peer that does not read is cut off."""
        self._write(data)

    def close(self) -> None:
        """Send what is queued and close."""
        if self._wire is not None:
            self._wire.close()

    def abort(self) -> None:
        """Close at once; what is queued is lost."""
        if self._wire is not None:
            self._wire.abort()

    def overdue(self, now: float, timers: Timers) -> bool:
        """True when nothing came for too long, or a message is too slow in coming."""
        slow = self._began is not None and now - self._began > timers.whole
        mute = self.hello is not None and not self._greeted and now > self.hello
        return slow or mute or now - self._heard > timers.idle

    def _hand_up(self, message: bytes) -> None:
        self._greeted = True
        self._owner.received(self, message)

    @abstractmethod
    def _take(self, data: bytes) -> bool:
        """Take bytes; True when part of a message is left."""

    def _write(self, data: bytes) -> None:
        if self._wire is None or self._wire.is_closing():
            return
        self._wire.write(data)
        if self._wire.get_write_buffer_size() > _UNSENT:
            self._wire.abort()


class StreamConnection(Connection):
    """TCP or TLS. `limit` is the largest message in bytes.

    Once framing is lost nothing that follows can be trusted: what was read is handed up, so that
    it gets its 400 or 513, and the connection ends.
    """

    def __init__(
        self, number: int, transport: str, owner: Owner, *, limit: int, name: str = ""
    ) -> None:
        super().__init__(number, transport, owner, name=name)
        self._limit = limit
        self._buffer = bytearray()

    def connection_lost(self, exc: Exception | None) -> None:
        """The far end went, or we did."""
        self._buffer.clear()
        super().connection_lost(exc)

    def _take(self, data: bytes) -> bool:
        self._buffer += data
        while self._wire is not None and (message := self._next()) is not None:
            self._hand_up(message)
        return bool(self._buffer.strip(_PONG))

    def _next(self) -> bytes | None:
        """The next whole message in the buffer, or None; keep-alives are dealt with here."""
        self._answer_keep_alives()
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return self._all_there_is() if len(self._buffer) > self._limit else None
        try:
            size = end + 4 + content_length(bytes(self._buffer[:end]))
        except Bad:
            return self._all_there_is()
        if size > self._limit:
            return self._all_there_is()
        if len(self._buffer) < size:
            return None
        message = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._began = None
        return message

    def _answer_keep_alives(self) -> None:
        # RFC 5626 section 3.5.1: a double CRLF between messages asks for a single one.
        while self._buffer.startswith(_PONG):
            if self._buffer.startswith(_PING):
                del self._buffer[:4]
                self._write(_PONG)
            elif len(self._buffer) == 2:
                return  # half a ping, or a pong: wait for more
            else:
                del self._buffer[:2]

    def _all_there_is(self) -> bytes:
        data = bytes(self._buffer)
        self._buffer.clear()
        asyncio.get_running_loop().call_soon(self.close)
        return data
