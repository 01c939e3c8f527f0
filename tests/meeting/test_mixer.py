"""The mixer as a process: members come, go, die; it is killed and replaced."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from sipagent.media.clock import MediaClock
from sipagent.media.frames import FRAME_MS, frame_bytes, frame_samples
from sipagent.media.port import AudioPort
from sipagent.meeting.keeper import MixerKeeper
from sipagent.meeting.link import RoomLink
from sipagent.meeting.mixer import Hello, Mixer
from sipagent.meeting.wire import insistent

SECONDS = 20.0


class Party:
    """A port in a room, pulled and pushed every 20 ms as a bridge would. It says `level`."""

    def __init__(self, keeper: MixerKeeper, room: str, level: int, rate: int = 8000) -> None:
        self.clock = MediaClock()
        self.port = AudioPort(f"party{level}", rate, self.clock)
        self.changes: list[str] = []
        self.link = RoomLink(self.port, keeper.address, room, self.changes.append)
        #: the level of the last frame heard
        self.heard = 0
        self._pcm = np.full(frame_samples(rate), level, "<i2").tobytes()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Party":
        self._task = asyncio.create_task(self._run())
        await self.link.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.link.__aexit__(None, None, None)
        assert self._task is not None
        self._task.cancel()
        self.port.close()

    async def hears(self, level: int) -> None:
        """Wait until it hears exactly that."""
        async with asyncio.timeout(SECONDS):
            while self.heard != level:
                await asyncio.sleep(0.01)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(FRAME_MS / 1000)
            self.port.push(self._pcm)
            pcm = self.port.pull()
            self.heard = 0 if pcm is None else int(np.median(np.frombuffer(pcm, "<i2")))
            self.clock.tick()


@pytest.fixture
async def keeper(tmp_path: Path) -> AsyncIterator[MixerKeeper]:
    kept = MixerKeeper(tmp_path / "mixer.sock")
    kept.in_use = lambda: True
    kept.want()
    yield kept
    await kept.close()


def sockets() -> int:
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except OSError:
            continue
    return found


async def test_members_come_and_go_in_rooms_of_their_own(keeper: MixerKeeper) -> None:
    async with Party(keeper, "a", 100) as one, Party(keeper, "a", 20) as two:
        await asyncio.gather(one.hears(20), two.hears(100))
        async with Party(keeper, "a", 3) as three, Party(keeper, "b", 5000) as elsewhere:
            await asyncio.gather(one.hears(23), two.hears(103), three.hears(120))
            assert elsewhere.heard == 0
        await asyncio.gather(one.hears(20), two.hears(100))
        two.link.muted = True
        await asyncio.gather(one.hears(0), two.hears(100))
        two.link.muted = False
        await one.hears(20)
    assert one.changes == two.changes == []


async def test_narrow_and_wide_members_meet(keeper: MixerKeeper) -> None:
    async with Party(keeper, "a", 1000) as narrow, Party(keeper, "a", 2000, 16_000) as wide:
        await asyncio.gather(narrow.hears(2000), wide.hears(1000))


async def test_a_mixer_nobody_needs_ends_and_takes_its_socket_away(tmp_path: Path) -> None:
    path = tmp_path / "mixer.sock"
    serving = asyncio.create_task(Mixer(path, alone=1.0).serve())
    with await insistent(str(path), Hello(), SECONDS):
        await asyncio.sleep(1.5)
        assert not serving.done()
    await asyncio.wait_for(serving, SECONDS)
    assert not path.exists()


async def test_links_leave_no_socket_behind(keeper: MixerKeeper) -> None:
    async with Party(keeper, "a", 100) as one, Party(keeper, "a", 20):
        await one.hears(20)
    before = sockets()
    for _ in range(5):
        async with Party(keeper, "a", 100) as one, Party(keeper, "a", 20):
            await one.hears(20)
    assert sockets() == before


async def test_a_killed_mixer_is_replaced_and_its_rooms_are_made_again(
    keeper: MixerKeeper,
) -> None:
    async with Party(keeper, "a", 100) as one, Party(keeper, "a", 20) as two:
        await asyncio.gather(one.hears(20), two.hears(100))
        killed = keeper.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        async with asyncio.timeout(SECONDS):
            while not one.changes:
                await asyncio.sleep(0.01)
        await asyncio.gather(one.hears(0), two.hears(0))
        await asyncio.gather(one.hears(20), two.hears(100))
        assert one.changes == two.changes == ["lost", "remade"]
        assert keeper.pid not in (None, killed)
        assert keeper.deaths == 1


async def test_a_mixer_that_hangs_is_killed_and_replaced(tmp_path: Path) -> None:
    keeper = MixerKeeper(tmp_path / "mixer.sock", hung_seconds=3.0)
    keeper.in_use = lambda: True
    keeper.want()
    try:
        async with Party(keeper, "a", 100) as one, Party(keeper, "a", 20) as two:
            await asyncio.gather(one.hears(20), two.hears(100))
            hung = keeper.pid
            assert hung is not None
            os.kill(hung, signal.SIGSTOP)
            await one.hears(0)
            await asyncio.gather(one.hears(20), two.hears(100))
            assert one.changes[-2:] == ["lost", "remade"]
            assert keeper.pid != hung
    finally:
        await keeper.close()


async def test_a_member_that_dies_is_gone_for_the_others_at_once(keeper: MixerKeeper) -> None:
    async with Party(keeper, "a", 100) as one:
        program = (
            "import socket, sys, time\n"
            "wire = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
            "wire.connect(sys.argv[1])\n"
            'wire.send(b\'{"room": "a"}\')\n'
            "while True:\n"
            "    wire.send((7).to_bytes(2, 'little') * 160)\n"
            "    time.sleep(0.02)\n"
        )
        (await insistent(keeper.address, Hello(), SECONDS)).close()
        other = await asyncio.create_subprocess_exec("python3", "-c", program, keeper.address)
        try:
            await one.hears(7)
        finally:
            other.kill()
            await other.wait()
        await one.hears(0)
        assert one.changes == []


async def test_a_member_that_does_not_read_holds_up_nobody(keeper: MixerKeeper) -> None:
    with await insistent(keeper.address, Hello(room="a"), SECONDS) as deaf:
        async with Party(keeper, "a", 100) as one, Party(keeper, "a", 20) as two:
            await asyncio.gather(one.hears(20), two.hears(100))
            await asyncio.sleep(1.0)  # more than its socket holds
            await asyncio.gather(one.hears(20), two.hears(100))
        unread = 0
        while True:
            try:
                unread += bool(deaf.recv(4096))
            except BlockingIOError:
                break
        assert 0 < unread < 100


async def test_nonsense_ends_its_sender_and_nobody_else(keeper: MixerKeeper) -> None:
    async with Party(keeper, "a", 100) as one, Party(keeper, "a", 20):
        await one.hears(20)
        for packets in ([b"{}", b"x" * 320], [b"not json"], [b'{"room": "a"}', b"short"]):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as wire:
                wire.connect(keeper.address)
                for packet in packets:
                    wire.send(packet)
                wire.settimeout(SECONDS)
                while True:  # what it was sent before; then the end
                    try:
                        data = await asyncio.to_thread(wire.recv, 4096)
                    except ConnectionResetError:
                        break
                    if not data:
                        break
                    assert len(data) == frame_bytes(8000)
        await one.hears(20)
        assert one.changes == []


async def test_a_link_gives_up_where_no_mixer_comes(tmp_path: Path) -> None:
    port = AudioPort("alone", 8000, MediaClock())
    link = RoomLink(port, str(tmp_path / "none.sock"), "a", lambda _: None, patience=0.2)
    async with link:
        async with asyncio.timeout(SECONDS):
            assert await link.lost == "no mixer within 0.2 seconds"
    port.close()


async def test_a_mixer_outlives_the_gateway_that_started_it(tmp_path: Path) -> None:
    first, second = (MixerKeeper(tmp_path / "mixer.sock") for _ in range(2))
    first.in_use = second.in_use = lambda: True
    first.want()
    try:
        async with Party(first, "a", 100) as one, Party(first, "a", 20) as two:
            await one.hears(20)
            second.want()
            await two.hears(100)
            assert second.pid is None
            assert one.changes == two.changes == []
    finally:
        await second.close()
        await first.close()
