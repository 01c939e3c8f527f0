"""The mixer: one small process in which calls hear each other, each call a process of its own.

Run as `python -m sipagent.meeting.mixer PATH`. Members connect to a SOCK_SEQPACKET socket there,
so that the kernel tells either end at once of the other's death. A member's first packet is a
Hello; every other packet, both ways, is 20 ms of its PCM, and the keeper hears once a second that
all is well. A packet that finds no room in the socket is dropped. It ends by itself when nobody has
been there for a while, not with the gateway: calls outlive that too.
"""

import asyncio
import socket
import sys
from collections import defaultdict
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from sipagent.media.frames import FRAME_MS, frame_bytes

from .mixing import Mix, Seat
from .short_path import short_path

#: seconds without anybody, the gateway's keeper included; and with the keeper alone
ALONE_SECONDS = 5.0
IDLE_SECONDS = 120.0
BEAT_SECONDS = 1.0
#: about 20 frames of a member that does not read
SEND_BUFFER = 16_384
_LARGEST = 4096
#: ticks the clock may be behind before it gives up catching up
_BEHIND = 5


class Hello(BaseModel):
    """Who connects: a member of a room, or the keeper (no room), who only watches."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    room: str = ""
    rate: int = 8000


class _Client:
    """One connection; `seat` is None for the keeper and before the Hello."""

    def __init__(self, wire: socket.socket) -> None:
        self.wire = wire
        self.hello: Hello | None = None
        self.seat: Seat | None = None


class Mixer:
    """All rooms of one server."""

    def __init__(self, path: Path, *, alone: float = ALONE_SECONDS) -> None:
        self._path = path
        self._alone = alone
        self._loop = asyncio.get_running_loop()
        self._rooms: dict[str, Mix] = defaultdict(Mix)
        self._members: dict[Seat, _Client] = {}
        self._clients: set[_Client] = set()
        self._due = 0.0
        self._clock: asyncio.TimerHandle | None = None
        self._end: asyncio.TimerHandle | None = None
        self._done: asyncio.Future[None] = self._loop.create_future()

    async def serve(self) -> None:
        """Mix until nobody has been there for a while."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.setblocking(False)
        self._path.unlink(missing_ok=True)
        with short_path(self._path) as path:
            listener.bind(path)
        listener.listen(128)
        self._loop.add_reader(listener, self._arrived, listener)
        self._await_somebody()
        self._beat()
        await self._done
        # the name first: who connects in this moment must not be lost, but come to the next one
        self._path.unlink(missing_ok=True)
        listener.close()

    def _beat(self) -> None:
        for client in self._clients:
            if client.hello is not None and client.seat is None:
                self._send(client.wire, b".")
        self._loop.call_later(BEAT_SECONDS, self._beat)

    def _arrived(self, listener: socket.socket) -> None:
        wire, _ = listener.accept()
        wire.setblocking(False)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        client = _Client(wire)
        self._clients.add(client)
        self._loop.add_reader(wire, self._readable, client)
        self._await_somebody()

    def _readable(self, client: _Client) -> None:
        while True:
            try:
                data = client.wire.recv(_LARGEST)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data or not self._received(client, data):
                self._gone(client)
                return

    def _received(self, client: _Client, data: bytes) -> bool:
        """False for what no member says."""
        if client.hello is None:
            try:
                client.hello = Hello.model_validate_json(data)
            except ValidationError:
                return False
            if client.hello.room:
                self._seated(client, client.hello)
            return True
        if client.seat is None or len(data) != frame_bytes(client.hello.rate):
            return False
        client.seat.said(data)
        return True

    def _seated(self, client: _Client, hello: Hello) -> None:
        client.seat = self._rooms[hello.room].join(hello.rate)
        self._members[client.seat] = client
        self._await_somebody()
        if self._clock is None:
            self._due = self._loop.time() + FRAME_MS / 1000
            self._clock = self._loop.call_at(self._due, self._tick)

    def _gone(self, client: _Client) -> None:
        self._clients.discard(client)
        self._loop.remove_reader(client.wire)
        client.wire.close()
        if client.seat is not None and client.hello is not None:
            del self._members[client.seat]
            mix = self._rooms[client.hello.room]
            mix.leave(client.seat)
            if not mix:
                del self._rooms[client.hello.room]
        self._await_somebody()

    def _tick(self) -> None:
        self._clock = None
        if not self._members:
            return
        for mix in self._rooms.values():
            for seat, pcm in mix.tick():
                self._send(self._members[seat].wire, pcm)
        self._due += FRAME_MS / 1000
        if self._loop.time() - self._due > _BEHIND * FRAME_MS / 1000:
            self._due = self._loop.time()
        self._clock = self._loop.call_at(self._due, self._tick)

    def _send(self, wire: socket.socket, pcm: bytes) -> None:
        try:
            wire.send(pcm)
        except OSError:
            return  # it does not read, or has just died, which its socket tells

    def _await_somebody(self) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None
        if not self._members:
            seconds = IDLE_SECONDS if self._clients else self._alone
            self._end = self._loop.call_later(seconds, self._finish)

    def _finish(self) -> None:
        if not self._done.done():
            self._done.set_result(None)


async def _main(path: Path) -> None:
    await Mixer(path).serve()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
