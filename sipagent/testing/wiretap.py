"""Wiretap: a man in the middle who reads SIP and passes all RTP of a call through his hands."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Self

from .rtp import unpack
from .sip.transport import Address

Side = Literal["phone", "server"]
_OTHER: dict[Side, Side] = {"phone": "server", "server": "phone"}
_MEDIA = re.compile(rb"m=audio (\d+)")
_PLACE = re.compile(rb"c=IN IP[46] (\S+)")
_LENGTH = re.compile(rb"^(Content-Length|l)[ \t]*:.*$", re.IGNORECASE | re.MULTILINE)


class _Ear(asyncio.DatagramProtocol):
    """One UDP socket."""

    def __init__(self, hear: Callable[[bytes, Address], None]) -> None:
        self._hear = hear
        self.wire: asyncio.DatagramTransport

    @classmethod
    async def open(cls, hear: Callable[[bytes, Address], None]) -> "_Ear":
        _, made = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: cls(hear), local_addr=("127.0.0.1", 0)
        )
        return made

    @property
    def address(self) -> Address:
        address: Address = self.wire.get_extra_info("sockname")[:2]
        return address

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.wire = transport

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._hear(data, addr[:2])


@dataclass(slots=True)
class Tapped:
    """What one side sent: its payloads in order, and the SDP it was described by."""

    payloads: list[bytes] = field(default_factory=list)
    sdp: bytes = b""
    media: Address | None = None


class Wiretap:
    """`async with Wiretap(server) as tap:` then call `sip:...@tap.address` instead of the server.

    Only the first offer and answer pass through it: later requests find the far end's Contact.
    """

    def __init__(self, server: Address) -> None:
        self.heard: dict[Side, Tapped] = {"phone": Tapped(), "server": Tapped()}
        self._at: dict[Side, Address | None] = {"phone": None, "server": server}
        #: the socket each side is told to send RTP to
        self._ears: dict[Side, _Ear] = {}

    async def __aenter__(self) -> Self:
        self._sip = await _Ear.open(self._signalling)
        self._ears["phone"] = await _Ear.open(lambda data, _: self._media("phone", data))
        self._ears["server"] = await _Ear.open(lambda data, _: self._media("server", data))
        return self

    async def __aexit__(self, *_: object) -> None:
        for ear in (self._sip, *self._ears.values()):
            ear.wire.close()

    @property
    def address(self) -> Address:
        """Where to call."""
        return self._sip.address

    def uri(self, number: str) -> str:
        """How to call a number of the server through us."""
        host, port = self.address
        return f"sip:{number}@{host}:{port}"

    def _signalling(self, data: bytes, source: Address) -> None:
        side: Side = "server" if source == self._at["server"] else "phone"
        self._at[side] = source
        to = self._at[_OTHER[side]]
        if to is not None:
            self._sip.wire.sendto(self._rewritten(side, data), to)

    def _rewritten(self, side: Side, data: bytes) -> bytes:
        """The message with our own ears in its session description."""
        head, end, body = data.partition(b"\r\n\r\n")
        media, place = _MEDIA.search(body), _PLACE.search(body)
        if media is None or place is None:
            return data
        tapped = self.heard[side]
        tapped.sdp, tapped.media = body, (place[1].decode(), int(media[1]))
        host, port = self._ears[_OTHER[side]].address
        body = _MEDIA.sub(b"m=audio %d" % port, body)
        body = _PLACE.sub(b"c=IN IP4 " + host.encode(), body)
        return _LENGTH.sub(b"Content-Length: %d" % len(body), head) + end + body

    def _media(self, side: Side, data: bytes) -> None:
        packet = unpack(data, 0.0)
        if packet is not None:
            self.heard[side].payloads.append(packet.payload)
        to = self.heard[_OTHER[side]].media
        if to is not None:
            self._ears[_OTHER[side]].wire.sendto(data, to)
