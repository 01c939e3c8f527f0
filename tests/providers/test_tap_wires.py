"""Taps on the real network: RTP packets and WebSocket messages as they arrive."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

from sipagent.call.tap_wires import TapOrder, TapWire
from sipagent.errors import CallError
from sipagent.media import g711
from sipagent.media.frames import frame_bytes
from sipagent.providers.tap_wires import NetworkTaps
from sipagent.testing import audio
from sipagent.testing.rtp import Packet, unpack

PATIENCE = 10.0


def order(uri: str, **more: Any) -> TapOrder:
    usual: dict[str, Any] = {"tracks": ("speak",), "codec": "PCMU", "ptime": 20, "rate": 8000}
    return TapOrder(uri, **{**usual, "about": {"call_id": "c1"}, **more})


def send_all(wire: TapWire, pcm: bytes, rate: int = 8000, track: Any = "speak") -> None:
    size = frame_bytes(rate)
    for index, start in enumerate(range(0, len(pcm), size)):
        wire.send(track, pcm[start : start + size].ljust(size, b"\0"), 1000 + 20 * index)


async def received(catcher: socket.socket, count: int) -> list[Packet]:
    found = []
    async with asyncio.timeout(PATIENCE):
        for _ in range(count):
            data = await asyncio.get_running_loop().sock_recv(catcher, 2000)
            packet = unpack(data, 0.0)
            assert packet is not None
            found.append(packet)
    return found


@pytest.fixture
def catcher() -> Any:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        found.setblocking(False)
        yield found


def uri_of(catcher: socket.socket) -> str:
    return f"rtp://127.0.0.1:{catcher.getsockname()[1]}"


@pytest.mark.parametrize(
    ("codec", "ptime", "rate"), [("PCMU", 20, 8000), ("PCMA", 40, 8000), ("PCMU", 20, 16_000)]
)
async def test_rtp_packets_are_whole_and_in_order(
    catcher: socket.socket, codec: str, ptime: int, rate: int
) -> None:
    wire = await NetworkTaps().open(order(uri_of(catcher), codec=codec, ptime=ptime, rate=rate))
    said = audio.speech_like(1.0, seed=3, rate=rate)
    send_all(wire, said, rate)
    count = 1000 // ptime - (rate != 8000)
    packets = await received(catcher, count)
    assert (await wire.close())[0] >= count
    first = packets[0]
    assert {p.ssrc for p in packets} == {first.ssrc}
    steps = [(p.seq - first.seq) & 0xFFFF for p in packets]
    assert steps == list(range(count))
    ticks = [(p.timestamp - first.timestamp) & 0xFFFFFFFF for p in packets]
    assert ticks == [8 * ptime * n for n in range(count)]
    assert {len(p.payload) for p in packets} == {8 * ptime}
    assert {p.codec for p in packets} == {codec}
    heard = b"".join(p.pcm for p in packets)
    wanted = said if rate == 8000 else audio.samples(said)[::2].tobytes()
    assert audio.correlate(wanted, heard).corr > 0.95


async def test_two_tracks_are_mixed_by_their_media_time(catcher: socket.socket) -> None:
    wire = await NetworkTaps().open(order(uri_of(catcher), tracks=("speak", "listen")))
    one, two = audio.speech_like(1.0, seed=1), audio.speech_like(1.0, seed=2)
    size = frame_bytes(8000)
    for n in range(50):
        # the second runs one frame behind the first, and one of its frames is lost
        wire.send("speak", one[n * size : (n + 1) * size], 20 * n)
        if n and n != 10:
            wire.send("listen", two[(n - 1) * size : n * size], 20 * (n - 1))
    packets = await received(catcher, 48)
    await wire.close()
    heard = b"".join(p.pcm for p in packets)
    for said in (one, two):
        assert audio.correlate(said, heard).corr > 0.6
        assert abs(audio.correlate(said, heard).lag_ms) < 1


async def test_nobody_who_listens_is_no_trouble() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        uri = uri_of(gone)
    wire = await NetworkTaps().open(order(uri))
    send_all(wire, audio.speech_like(0.2))
    assert (await wire.close())[0] == 10


class Listener:
    """A WebSocket server: what it was told, and what it answers with."""

    def __init__(self) -> None:
        self.messages: list[list[str | bytes]] = []
        self.connections: list[ServerConnection] = []
        self.changed = asyncio.Event()
        self.server: Server

    @property
    def uri(self) -> str:
        port = next(iter(self.server.sockets)).getsockname()[1]
        return f"ws://127.0.0.1:{port}/calls?x=1"

    async def handle(self, connection: ServerConnection) -> None:
        kept: list[str | bytes] = []
        self.messages.append(kept)
        self.connections.append(connection)
        async for message in connection:
            kept.append(message)
            self.changed.set()

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def told(self, connection: int = 0) -> list[dict[str, Any]]:
        return [json.loads(m) for m in self.messages[connection] if isinstance(m, str)]

    def binary(self, connection: int = 0) -> list[bytes]:
        return [m for m in self.messages[connection] if isinstance(m, bytes)]


@asynccontextmanager
async def listener() -> AsyncIterator[Listener]:
    found = Listener()
    async with serve(found.handle, "127.0.0.1", 0) as server:
        found.server = server
        yield found


async def test_a_websocket_server_gets_a_start_the_tracks_and_a_stop() -> None:
    async with listener() as server:
        wire = await NetworkTaps().open(order(server.uri, tracks=("speak", "listen")))
        said, heard = audio.speech_like(0.5, seed=1), audio.speech_like(0.5, seed=2)
        send_all(wire, said, track="speak")
        send_all(wire, heard, track="listen")
        await server.until(lambda: len(server.binary()) == 50)
        assert await wire.close() == (50, 0)
        await server.until(lambda: len(server.told()) == 2)
    assert server.told() == [
        {
            "event": "start", "version": 1, "call_id": "c1", "tracks": ["speak", "listen"],
            "codec": "PCMU", "rate": 8000, "ptime": 20,
        },
        {"event": "stop", "sent": 50, "dropped": 0},
    ]  # fmt: skip
    packets = [(struct.unpack("!BBHI", m[:8]), m[8:]) for m in server.binary()]
    for index, pcm in enumerate((said, heard)):
        track = [(head, payload) for head, payload in packets if head[0] == index]
        assert [head[2] for head, _ in track] == list(range(25))
        assert [head[3] for head, _ in track] == [1000 + 20 * n for n in range(25)]
        got = b"".join(audio.decode("PCMU", payload) for _, payload in track)
        assert audio.correlate(pcm, got).corr > 0.99


async def test_what_the_server_sends_is_heard_and_clear_drops_the_rest() -> None:
    async with listener() as server:
        wire = await NetworkTaps().open(order(server.uri))
        back = wire.received()
        await server.until(server.told)
        said = audio.speech_like(0.2)
        connection = server.connections[0]
        await connection.send(audio.encode("PCMU", said))
        got = b""
        async with asyncio.timeout(PATIENCE):
            while len(got) < len(said):
                got += await back.__anext__() or b""
            await connection.send("no json")
            await connection.send('{"event": "clear"}')
            assert await back.__anext__() is None
        assert audio.correlate(said, got).corr > 0.99
        await wire.close()


async def test_a_broken_connection_is_made_again() -> None:
    async with listener() as server:
        wire = await NetworkTaps().open(order(server.uri))
        await server.until(server.told)
        server.connections[0].transport.abort()
        async with asyncio.timeout(PATIENCE):
            while len(server.messages) < 2 or not server.messages[1]:
                await asyncio.sleep(0.02)
        send_all(wire, audio.speech_like(0.1))
        await server.until(lambda: len(server.binary(1)) == 5)
        assert server.told(1)[0]["event"] == "start"
        await wire.close()


async def test_a_server_that_ends_it_is_believed_and_one_that_is_gone_is_given_up() -> None:
    async with listener() as server:
        wire = await NetworkTaps().open(order(server.uri))
        await server.until(server.told)
        await server.connections[0].close()
        async with asyncio.timeout(PATIENCE):
            assert await wire.failed() == "the server ended it"
        await wire.close()
    with pytest.raises(CallError, match=r"ws://127\.0\.0\.1"):
        await NetworkTaps().open(order("ws://127.0.0.1:9/"))


async def test_a_slow_server_costs_the_oldest_frames_only() -> None:
    async with listener() as server:
        wire = await NetworkTaps().open(order(server.uri))
        # nothing can be sent while this loop is busy: the queue fills to its bound
        send_all(wire, audio.silence(4.0))
        _, dropped = await wire.close()
        assert dropped == 100


async def test_a_redirect_is_not_followed() -> None:
    async def elsewhere(connection: ServerConnection, request: Any) -> Any:
        response = connection.respond(302, "")
        response.headers["Location"] = other.uri
        return response

    async with listener() as other:
        async with serve(other.handle, "127.0.0.1", 0, process_request=elsewhere) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            with pytest.raises(CallError, match="302"):
                await NetworkTaps().open(order(f"ws://127.0.0.1:{port}/"))
        assert other.messages == []


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_g711_is_the_standards_own(codec: Any) -> None:
    every = bytes(range(256))
    assert g711.encode(codec, audio.decode(codec, every)) in (
        every,
        every.replace(b"\x7f", b"\xff"),
    )
    said = audio.speech_like(1.0)
    assert audio.correlate(said, audio.decode(codec, g711.encode(codec, said))).corr > 0.999
    assert audio.correlate(said, g711.decode(codec, audio.encode(codec, said))).corr > 0.999
