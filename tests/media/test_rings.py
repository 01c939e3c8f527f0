"""Queues in C: exact beside a thread that runs on, heard of when they should be."""

import asyncio
import ctypes
import os
import random
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
import structlog

from sipagent.legs import rings as home
from sipagent.legs.rings import library, load
from sipagent.media.clock import MediaClock
from sipagent.media.ear import Patience
from sipagent.media.frames import FRAME_MS, Frame, frame_bytes
from sipagent.media.port import AudioPort, Mark
from sipagent.testing.rings import SOURCE, Conference, build

RATE = 8000
SIZE = frame_bytes(RATE)
PATIENT = Patience(5)
#: beyond any machine's slowness
FOR_EVER = 60


def frame(number: int) -> bytes:
    """A frame that is like no other."""
    return number.to_bytes(4, "little") * (SIZE // 4)


def number(pcm: bytes) -> int:
    """Which one it is, whole."""
    found = int.from_bytes(pcm[:4], "little")
    assert pcm == frame(found)
    return found


Said = list[tuple[int, int]]


class InC:
    """A conference of one port, whose queues are in C."""

    steps = 1500

    def __init__(self) -> None:
        self.conference = Conference(RATE)
        seat = self.conference.seats.new()
        self.port = seat.lend("agent")
        seat.listen(True)
        self.cycle = self.conference.cycle

    @contextmanager
    def running(self) -> Iterator[Said]:
        """Cycle after cycle on a thread of its own; at the end which frames were said, and when."""
        hub, ports = self.conference.hub, self.conference.ports
        with TemporaryDirectory() as folder:
            source = Path(__file__).with_name("conference.c").read_text()
            library = ctypes.CDLL(str(build(source, Path(folder), "conference")))
        library.run.restype = ctypes.c_size_t
        room = 100_000
        over, said, when = ctypes.c_int(), (ctypes.c_uint32 * room)(), (ctypes.c_uint64 * room)()
        calls = [ctypes.c_void_p(hub.rings.address(name)) for name in ("tick", "get", "put")]
        told: Said = []

        def run() -> None:
            count = library.run(*calls, *ports, ctypes.byref(cast(Any, hub.clock)),
                                ctypes.byref(over), said, when, ctypes.c_size_t(room))  # fmt: skip
            told.extend(zip(said[:count], when[:count], strict=True))

        with _thread(run, lambda: setattr(over, "value", 1)):
            yield told


class InPython:
    """The same in Python: the model."""

    steps = 100

    def __init__(self) -> None:
        self.port = AudioPort("agent", RATE, MediaClock())

    def cycle(self, *frames: bytes | None) -> list[bytes | None]:
        self.port.clock.tick()
        said = self.port.pull()
        self.port.push(frames[0] or bytes(SIZE))
        return [said]

    @contextmanager
    def running(self) -> Iterator[Said]:
        over = threading.Event()
        told: Said = []

        def run() -> None:
            while not over.wait(0.0001):
                (pcm,) = self.cycle(None)
                if pcm is not None:
                    told.append((number(pcm), self.port.clock.t))

        with _thread(run, over.set):
            yield told


@contextmanager
def _thread(run: Callable[[], None], end: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        end()
        thread.join()


class Speaker:
    """Does anything to a port at random, and knows what must come of it."""

    def __init__(self, port: AudioPort, seed: int) -> None:
        self.port = port
        #: which frame stands at each position
        self.script: list[int] = []
        self.marks: list[Mark] = []
        self._random = random.Random(seed)
        self._made = 0

    async def act(self) -> None:
        """One thing."""
        often, seldom = (self._play, self._wait, self._mark), (self._pause, self._take_back)
        await self._random.choice((*often * 4, *seldom * 2, self._clear))()

    async def _wait(self) -> None:
        until = min(self.port.position, self.port.played + 3)
        while self.port.played < until:
            await asyncio.sleep(0)

    async def _play(self) -> None:
        for _ in range(self._random.randrange(1, 8)):
            # the clock is faster than the speech is long: it never waits for room
            if self.port.position - self.port.played >= 80:
                return
            self._made += 1
            del self.script[self.port.position :]
            self.script.append(self._made)
            await self.port.play(frame(self._made))

    async def _pause(self) -> None:
        at = self.port.pause()
        t = self.port.clock.t
        while self.port.clock.t < t + 3 * FRAME_MS:
            await asyncio.sleep(0)
        assert self.port.played == at
        self.port.resume()

    async def _clear(self) -> None:
        before = self.port.position
        dropped = self.port.clear() // FRAME_MS
        assert self.port.position == self.port.played == before - dropped

    async def _take_back(self) -> None:
        position = self.port.played + self._random.randrange(-2, 30)
        before = self.port.position
        if self.port.take_back(position):
            assert self.port.position == min(before, position)
        else:
            assert self.port.played > position
            assert self.port.position == before

    async def _mark(self) -> None:
        self.marks.append(self.port.mark_at(self.port.position))


@pytest.mark.parametrize("make", [InC, InPython])
async def test_no_frame_is_lost_or_doubled_whatever_is_done_while_the_conference_runs(
    make: type[InC] | type[InPython],
) -> None:
    conference = make()
    port = conference.port
    speaker = Speaker(port, seed=7)
    with conference.running() as said:
        for _ in range(make.steps):
            await speaker.act()
            await asyncio.sleep(0)
        async with asyncio.timeout(FOR_EVER):
            last = port.mark()
            assert await last.reached()
            settled = [await mark.reached() for mark in speaker.marks]
    assert [which for which, _ in said] == speaker.script[: port.played]
    assert len(said) == port.played == port.position > make.steps / 4
    assert {True, False} == set(settled)
    when = [0, *(t for _, t in said)]
    heard = [mark for mark, heard in zip(speaker.marks, settled, strict=True) if heard]
    # one that was played already when it was set bears the time at which it was set
    assert [mark.position for mark in heard if (mark.t or 0) < when[mark.position]] == []
    assert [(number(f.pcm), f.t) for f in port.recent] == said[-50:]


def _step(port: AudioPort, conference: Any, what: int, size: int, made: int) -> Any:
    match what:
        case 0:
            return port.pause()
        case 1:
            return port.resume()
        case 2:
            return port.clear()
        case 3:
            return port.take_back(port.played + size - 2)
        case 4:
            port.patience = (PATIENT, Patience(3, quiet=1000))[size % 2]
        case 5 | 6:
            return [(f.pcm, f.t) for f in port.waiting()] if size > 6 else port.caught_up
        case 7 | 8 | 9 if port.position - port.played < 90:
            port._mouth.put(frame(made))
        case _:
            heard = None if size % 3 else frame(made)
            return [conference.cycle(heard) for _ in range(size * size)]
    return None


async def test_in_c_and_in_python_every_step_has_the_same_outcome() -> None:
    ways = InC(), InPython()
    chance = random.Random(3)
    for made in range(3000):
        what, size = chance.randrange(14), chance.randrange(12)
        outcomes = []
        for way in ways:
            port = way.port
            outcome = _step(port, way, what, size, made)
            stands = port.played, port.position, port.paused, port.idle, port.clock.t
            outcomes.append((outcome, stands, list(port.recent)))
        assert outcomes[0] == outcomes[1], (made, what, size)


async def test_a_listener_misses_no_wake_up() -> None:
    way = InC()
    port, heard = way.port, threading.Event()
    got: list[Frame] = []

    def speak() -> None:
        for n in range(1000):
            way.cycle(frame(n))
            # the next only when this one was heard: one wake-up missed, and nothing goes on
            assert heard.wait(FOR_EVER)
            heard.clear()

    async with asyncio.timeout(FOR_EVER):
        speaking = asyncio.create_task(asyncio.to_thread(speak))
        async for one in port.frames():
            got.append(one)
            heard.set()
            if len(got) == 1000:
                break
        await speaking
    assert [number(one.pcm) for one in got] == list(range(1000))
    assert [one.t for one in got] == [20 * n for n in range(1, 1001)]


def rung(conference: Conference) -> int:
    """How often the loop was told since it looked last."""
    bell = conference.hub.descriptor
    return os.eventfd_read(bell) if select.select([bell], [], [], 0)[0] else 0


async def test_all_ports_of_a_cycle_ring_once_and_those_who_are_patient_together() -> None:
    conference = Conference(RATE)
    ports = []
    for name in "abc":
        seat = conference.seats.new()
        ports.append(seat.lend(name))
        seat.listen(True)
    await ports[0].play(frame(1))
    ports[0].mark()
    conference.cycle(None, None, None)
    rung(conference)
    for port in ports:
        port._ear.rest()  # the loop has looked
    assert [conference.cycle(frame(1), frame(2), frame(3)), rung(conference)] == [[None] * 3, 1]
    # and not again before it has looked
    conference.cycle(frame(1), frame(2), frame(3))
    assert rung(conference) == 0
    for port in ports:
        port.patience = PATIENT
        port._ear.rest()
    rings = []
    for _ in range(10):
        conference.cycle(frame(1), None, frame(3))
        rings.append((conference.hub.clock.value, rung(conference)))
        for port in ports:
            port._ear.rest()
    assert [at for at, times in rings if times] == [5, 10]
    assert {times for _, times in rings} == {0, 1}


async def test_the_timers_of_the_library_are_looked_at_ten_times_a_second() -> None:
    conference = Conference(RATE)
    for _ in range(50):
        conference.cycle()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert conference.timers == 10


async def test_what_the_conference_brings_nothing_of_is_silence() -> None:
    way = InC()
    for heard in (frame(1), None, frame(2), b""):
        way.cycle(heard)
    assert [f.pcm for f in way.port.waiting()] == [frame(1), bytes(SIZE), frame(2), bytes(SIZE)]


async def test_who_is_no_sink_of_anything_hears_nothing() -> None:
    conference = Conference(RATE)
    seat = conference.seats.new()
    port = seat.lend("agent")
    conference.cycle(frame(1))
    seat.listen(True)
    conference.cycle(frame(2))
    seat.listen(False)
    conference.cycle(frame(3))
    assert [f.pcm for f in port.waiting()] == [frame(2)]


async def test_nothing_that_is_no_whole_frame_is_queued() -> None:
    port = InC().port
    with pytest.raises(ValueError, match="a frame of 2 bytes in place of 320"):
        port.push(b"\0\0")


def test_where_nothing_was_built_one_warning_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(home, "__file__", str(tmp_path / "rings.py"))
    library.cache_clear()
    with structlog.testing.capture_logs() as lines:
        assert library() is None
        assert library() is None
    library.cache_clear()
    (line,) = lines
    assert line["event"] == "media_thread_slow"
    assert "gcc and libc6-dev" in line["detail"]


def test_what_was_built_for_another_release_is_not_loaded(tmp_path: Path) -> None:
    assert load(tmp_path) is None
    source = SOURCE.read_text()
    build(source.replace("VERSION = 1 }", "VERSION = 77 }"), tmp_path)
    assert load(tmp_path) is None
    (tmp_path / "other").mkdir()
    build("int rings_version(void) { return 1; }", tmp_path / "other")
    assert load(tmp_path / "other") is None
