"""SIP over WebSocket, as phones in browsers speak it (RFC 7118)."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from sipagent.config import Listener, Settings, Sip, Tls
from sipagent.edge.front import Edge
from sipagent.testing.carrying import carried
from sipagent.testing.frontdoor import FakeDesk
from sipagent.testing.phone import Phone
from sipagent.worker.protocol import HangUp

Authority = Any
SIP = Subprotocol("sip")
OPTIONS = (
    "OPTIONS sip:100@sipagent SIP/2.0\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bK1\r\n"
    "From: <sip:a@x.invalid>;tag=1\r\nTo: <sip:100@sipagent>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
    "Max-Forwards: 70\r\n\r\n"
)


@pytest.mark.parametrize("transport", ["ws", "wss"])
@pytest.mark.rfc("7118", "a call over WebSocket, both ways on its connection")
async def test_a_browser_phone_calls_and_all_comes_back_on_its_connection(
    serve: Any, authority: Authority, transport: Any
) -> None:
    server = await serve(
        None, transport, tls=Tls(certificates=(authority.issue("server", "127.0.0.1"),))
    )
    async with Phone(user="alice", transport=transport, tls=_ends(authority, transport)) as alice:
        call = await alice.dial(server.uri("100", transport))
        await call.wait_answered()
        assert call.session.dialog.target.endswith(";transport=ws")
        assert await carried(call)
        await call.hold()
        await call.resume()
        server.worker(call.id).send(HangUp())
        assert (await call.wait_ended()).by == "remote"
    assert server.gateway.edge.counters.connections == 1


def _ends(authority: Authority, transport: str) -> Any:
    return authority.ends() if transport == "wss" else None


class Door:
    """An edge with one ws listener, and its address as a URL."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        host, port = edge.public_address
        self.url = f"ws://{host}:{port}/"


@pytest.fixture
async def door(request: pytest.FixtureRequest) -> Any:
    origins = getattr(request, "param", ())
    listen = (Listener(transport="ws", port=0, origins=origins),)
    edge = Edge(Settings(sip=Sip(listen=listen, max_message=2048)), FakeDesk())
    await edge.start()
    yield Door(edge)
    await edge.close()
    assert edge.counters.exceptions == 0


@pytest.mark.rfc("7118", "text and binary frames, whole or in pieces")
async def test_text_binary_and_pieces_of_messages_are_read(door: Door) -> None:
    async with connect(door.url, subprotocols=[SIP]) as phone:
        assert phone.subprotocol == "sip"
        await phone.send(OPTIONS)
        assert "SIP/2.0 200" in str(await phone.recv())
        await phone.send(OPTIONS.encode())
        assert "SIP/2.0 200" in str(await phone.recv())
        await phone.send([OPTIONS[:30], OPTIONS[30:90], OPTIONS[90:]])
        answer = str(await phone.recv())
        assert answer.startswith("SIP/2.0 200")
        assert "x.invalid;branch=z9hG4bK1;received=127.0.0.1" in answer


@pytest.mark.rfc("7118", "keep-alives are answered")
async def test_a_keep_alive_gets_its_answer(door: Door) -> None:
    async with connect(door.url, subprotocols=[SIP]) as phone:
        await phone.send("\r\n\r\n")
        assert await phone.recv() == "\r\n"
        await (await phone.ping())


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


@pytest.mark.rfc("7118", "a handshake without the subprotocol sip is refused")
async def test_what_does_not_speak_sip_is_refused_at_the_handshake(door: Door) -> None:
    for subprotocols in (None, [Subprotocol("xmpp")]):
        with pytest.raises(InvalidStatus, match="400"):
            await connect(door.url, subprotocols=subprotocols)
    reader, writer = await asyncio.open_connection(*door.edge.public_address)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 426")
    await _closed(writer)
    reader, writer = await asyncio.open_connection(*door.edge.public_address)
    writer.write(OPTIONS.encode())
    await asyncio.wait_for(reader.read(), 10)
    await _closed(writer)


async def test_a_message_too_large_ends_the_connection(door: Door) -> None:
    async with connect(door.url, subprotocols=[SIP]) as phone:
        await phone.send(OPTIONS + "x" * 4000)
        with pytest.raises(ConnectionClosed, match="1009"):
            await phone.recv()


async def test_bad_sip_gets_its_400_and_the_connection_stays(door: Door) -> None:
    async with connect(door.url, subprotocols=[SIP]) as phone:
        await phone.send(OPTIONS.replace("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"))
        assert "SIP/2.0 400" in str(await phone.recv())
        await phone.send(OPTIONS)
        assert "SIP/2.0 200" in str(await phone.recv())


@pytest.mark.parametrize("door", [("https://phone.example",)], indirect=True)
async def test_only_the_pages_named_may_connect(door: Door) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        await connect(door.url, subprotocols=[SIP], origin=Origin("https://evil.example"))
    async with connect(
        door.url, subprotocols=[SIP], origin=Origin("https://phone.example")
    ) as phone:
        await phone.send(OPTIONS)
        assert "SIP/2.0 200" in str(await phone.recv())


async def test_phones_are_told_when_the_server_goes(door: Door) -> None:
    async with connect(door.url, subprotocols=[SIP]) as phone:
        await phone.send(OPTIONS)
        await phone.recv()
        await door.edge.close()
        with pytest.raises(ConnectionClosed, match="1001"):
            await phone.recv()
