"""SIP over WebSocket, for phones in browsers (RFC 7118); the far end always connects to us."""

import logging
from collections.abc import Sequence

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Origin, Subprotocol

from .desk import Address
from .stream import Connection, Owner

_PING, _PONG = b"\r\n\r\n", b"\r\n"
_SIP = Subprotocol("sip")
_log = logging.getLogger(__name__)


class WebSocketConnection(Connection):
    """One message a WebSocket message, either way. `limit` is the largest in bytes.

    `origins` are the web pages that may connect, empty for any.
    """

    def __init__(
        self, number: int, transport: str, owner: Owner, *, limit: int, origins: Sequence[str]
    ) -> None:
        super().__init__(number, transport, owner)
        self._protocol = ServerProtocol(
            origins=[Origin(origin) for origin in origins] or None,
            subprotocols=[_SIP],
            max_size=limit,
            logger=_log,
        )
        self._pieces: list[bytes] = []

    def send(self, data: bytes, to: Address) -> None:
        """Send one message; a peer that does not read is cut off."""
        if self._protocol.state is not State.OPEN:
            return
        try:
            data.decode()
        except UnicodeDecodeError:  # a browser ends the connection over such a text
            self._protocol.send_binary(data)
        else:
            self._protocol.send_text(data)
        self._flush()

    def close(self) -> None:
        """Say that we are going, and close."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(CloseCode.GOING_AWAY)
            self._flush()
        super().close()

    def _take(self, data: bytes) -> bool:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._protocol.send_response(self._protocol.accept(event))
            elif isinstance(event, Frame) and event.opcode in (
                Opcode.TEXT,
                Opcode.BINARY,
                Opcode.CONT,
            ):
                self._piece(event)
        self._flush()
        return bool(self._pieces) or self._protocol.state is State.CONNECTING

    def _piece(self, frame: Frame) -> None:
        self._pieces.append(bytes(frame.data))
        if not frame.fin:
            return
        message, self._pieces = b"".join(self._pieces), []
        if message == _PING:  # RFC 5626 section 3.5.1, kept by RFC 7118 section 6
            self._protocol.send_text(_PONG)
        elif message.strip(_PONG):
            self._hand_up(message)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._write(data)
            else:  # its way to say: close the connection
                super().close()
