"""The door between media thread and loop."""

import asyncio
from collections.abc import Callable

import pytest

from sipagent.media.clock import MediaClock
from sipagent.media.ear import Patience
from sipagent.media.frames import frame_bytes
from sipagent.media.mouth import SPARE
from sipagent.media.port import LIMIT_MS, AudioPort
from sipagent.testing.rings import Conference

SIZE = frame_bytes(8000)


def frame(value: int) -> bytes:
    return bytes([value, 0]) * (SIZE // 2)


OpenPort = Callable[..., AudioPort]


@pytest.fixture(params=["python", "c"])
def open_port(request: pytest.FixtureRequest) -> OpenPort:
    """A new port at 8 kHz, whose queues are made of one or the other."""

    def in_python(limit_ms: int = LIMIT_MS) -> AudioPort:
        return AudioPort("agent", 8000, MediaClock(), limit_ms=limit_ms)

    def in_c(limit_ms: int = LIMIT_MS) -> AudioPort:
        return Conference(8000, limit_ms).seats.new().lend("agent")

    return in_c if request.param == "c" else in_python


async def test_what_is_played_is_pulled_frame_by_frame_and_counted(open_port: OpenPort) -> None:
    port = open_port()
    await port.play(frame(1) + frame(2)[: SIZE // 2])
    assert (port.position, port.played) == (1, 0)
    mark = port.mark()
    assert port.position == 2
    assert port.pull() == frame(1)
    assert port.pull() == frame(2)[: SIZE // 2].ljust(SIZE, b"\0")
    assert port.pull() is None
    assert await mark.reached()
    assert port.played == 2


async def test_a_pause_loses_nothing_and_resumes_at_the_exact_frame(open_port: OpenPort) -> None:
    port = open_port()
    await port.play(b"".join(frame(n) for n in range(4)))
    assert port.pull() == frame(0)
    assert port.pause() == 1
    assert [port.pull() for _ in range(3)] == [None] * 3
    port.resume()
    assert [port.pull() for _ in range(3)] == [frame(1), frame(2), frame(3)]


async def test_clearing_tells_what_was_not_heard_and_settles_marks(open_port: OpenPort) -> None:
    port = open_port()
    await port.play(b"".join(frame(n) for n in range(5)))
    early, late = port.mark_at(1), port.mark()
    port.pull()
    port.pull()
    port.pause()
    assert port.clear() == 60
    assert await early.reached()
    assert not await late.reached()
    assert (port.played, port.position, port.paused) == (2, 2, False)
    await port.play(frame(9))
    assert port.pull() == frame(9)


async def test_play_waits_while_the_queue_is_full(open_port: OpenPort) -> None:
    port = open_port(limit_ms=40)
    playing = asyncio.create_task(port.play(b"".join(frame(n) for n in range(4))))
    await asyncio.sleep(0)
    assert not playing.done()
    assert port.position == 2
    pulled = []
    while not playing.done():
        pulled.append(port.pull())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    pulled += [port.pull(), port.pull()]
    assert [p for p in pulled if p] == [frame(n) for n in range(4)]


async def test_what_is_heard_is_dropped_oldest_first_and_ends_at_close(open_port: OpenPort) -> None:
    port = open_port(limit_ms=40)
    for n in range(3):
        port.clock.tick()
        port.push(frame(n))
    port.close()
    assert [(f.pcm[0], f.t) async for f in port.frames()] == [(1, 40), (2, 60)]


async def test_closing_a_port_releases_whoever_plays_and_whoever_listens(
    open_port: OpenPort,
) -> None:
    port = open_port(limit_ms=40)
    playing = asyncio.create_task(port.play(b"".join(frame(n) for n in range(9))))
    listening = asyncio.create_task(anext(port.frames(), None))
    await asyncio.sleep(0)
    mark = port.mark_at(9)
    port.close()
    port.close()
    await playing
    assert await listening is None
    assert not await mark.reached()
    await port.play(frame(1))
    assert port.pull() is None


async def test_a_mark_behind_what_was_played_is_reached_at_once(open_port: OpenPort) -> None:
    port = open_port()
    await port.play(frame(1))
    port.pull()
    assert await port.mark_at(1).reached()
    assert await port.mark().reached()


async def test_one_waiter_that_is_cancelled_leaves_the_mark_to_the_others(
    open_port: OpenPort,
) -> None:
    port = open_port()
    await port.play(frame(1))
    mark = port.mark()
    first, second = (asyncio.create_task(mark.reached()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    port.pull()
    assert await second


async def test_the_first_frame_is_heard_without_waiting_for_the_next(open_port: OpenPort) -> None:
    port = open_port()
    frames = port.frames()
    hearing = asyncio.ensure_future(anext(frames))
    await asyncio.sleep(0)
    port.push(frame(7))
    async with asyncio.timeout(5):
        assert (await hearing).pcm == frame(7)


async def _heard_at(port: AudioPort, pushed: list[bytes]) -> list[tuple[int, int]]:
    """Of each frame when it was pushed and when it was given, media-clock ms."""
    given: list[tuple[int, int]] = []

    async def listen() -> None:
        async for heard in port.frames():
            given.append((heard.t, port.clock.t))

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0)
    for pcm in pushed:
        port.clock.tick()
        port.push(pcm)
        for _ in range(3):
            await asyncio.sleep(0)
    port.close()
    await listening
    return given


async def test_a_patient_port_gives_what_it_heard_together_and_something_loud_at_once(
    open_port: OpenPort,
) -> None:
    port = open_port()
    port.patience = Patience(5, quiet=100)
    quiet, loud = frame(7), (b"\xe8\x03" * (SIZE // 2))
    given = await _heard_at(port, [quiet, quiet, quiet, quiet, quiet, bytes(SIZE), loud, quiet])
    assert given == [(20, 100), (40, 100), (60, 100), (80, 100), (100, 100), (120, 140),
                     (140, 140), (160, 160)]  # fmt: skip


async def test_a_port_whose_reader_is_busy_loses_no_frame_to_patience(open_port: OpenPort) -> None:
    port = open_port()
    port.patience = Patience(5)
    given: list[int] = []

    async def listen() -> None:
        async for heard in port.frames():
            given.append(heard.t)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    listening = asyncio.create_task(listen())
    for n in range(23):
        port.clock.tick()
        port.push(frame(n))
        await asyncio.sleep(0)
    while len(given) < 20:
        await asyncio.sleep(0)
    assert [f.t for f in port.waiting()] == [420, 440, 460]
    port.close()
    await listening
    assert given == list(range(20, 420, 20))


async def test_what_was_heard_is_given_on_demand(open_port: OpenPort) -> None:
    port = open_port()
    port.patience = Patience(50)
    frames = port.frames()
    hearing = asyncio.ensure_future(anext(frames))
    await asyncio.sleep(0)
    port.clock.tick()
    port.push(frame(7))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not hearing.done()
    port.wake()
    async with asyncio.timeout(5):
        assert (await hearing).pcm == frame(7)


async def test_a_reader_that_was_busy_is_woken_for_the_next_frame_again(
    open_port: OpenPort,
) -> None:
    port = open_port()
    heard = port.frames()
    port.push(frame(1))
    assert (await anext(heard)).pcm == frame(1)
    port.push(frame(2))
    await asyncio.sleep(0)  # the loop was woken for it while the reader had other work
    assert (await anext(heard)).pcm == frame(2)
    waiting = asyncio.ensure_future(anext(heard))
    await asyncio.sleep(0)
    port.push(frame(3))
    async with asyncio.timeout(5):
        assert (await waiting).pcm == frame(3)
    port.close()


async def test_what_was_played_lately_can_be_seen_with_the_time_it_went_out(
    open_port: OpenPort,
) -> None:
    port = open_port()
    await port.play(b"".join(frame(n) for n in range(70)))
    for _ in range(3):
        port.clock.tick()
        port.pull()
    assert [(f.pcm[0], f.t) for f in port.recent] == [(0, 20), (1, 40), (2, 60)]
    for _ in range(60):
        port.clock.tick()
        port.pull()
    port.clear()
    assert [(f.pcm[0], f.t) for f in port.recent] == [(n, 20 * n + 20) for n in range(13, 63)]
    port.close()
    assert port.recent[-1].pcm == frame(62)
    assert (port.played, port.position, port.idle) == (63, 63, True)


async def test_marks_know_when_they_were_heard_however_late_the_loop_looks(
    open_port: OpenPort,
) -> None:
    port = open_port()
    await port.play(b"".join(frame(n) for n in range(100)))
    marks = [port.mark_at(position) for position in (30, 1, 99, 30)]
    for _ in range(100):
        port.clock.tick()
        port.pull()
    await port.play(frame(7) * 100)
    assert [await mark.reached() for mark in marks] == [True] * 4
    assert [mark.t for mark in marks] == [600, 20, 1980, 600]


async def test_a_place_that_is_said_anew_is_heard_as_it_was_said_last(open_port: OpenPort) -> None:
    port = open_port()
    await port.play(b"".join(frame(n) for n in range(6)))
    kept, lost = port.mark_at(3), port.mark_at(5)
    port.pull()
    assert not port.take_back(0)
    assert port.take_back(4)
    assert (port.position, port.played) == (4, 1)
    await port.play(frame(40) + frame(50))
    assert [port.pull() for _ in range(5)] == [frame(n) for n in (1, 2, 3, 40, 50)]
    assert port.pull() is None
    assert [await kept.reached(), await lost.reached()] == [True, False]


async def test_marks_that_pad_need_no_room_and_are_bounded(open_port: OpenPort) -> None:
    port = open_port(limit_ms=40)
    await port.play(frame(1) * 2)
    for _ in range(100):
        await port.play(b"\1\0")
        port.mark()
    assert port.position == 2 + SPARE
    for _ in range(2 + SPARE):
        assert port.pull() is not None
    assert port.pull() is None


async def test_a_closed_port_does_nothing_to_whoever_has_its_place_now() -> None:
    seat = Conference(8000).seats.new()
    old = seat.lend("old")
    await old.play(frame(1) * 3)
    old.pull()
    old.push(frame(2))
    old.close()
    seat.part()
    new = seat.lend("new")
    assert (new.played, new.position, new.paused, new.caught_up) == (0, 0, False, True)
    assert new.pull() is None
    await new.play(frame(5) * 2)
    old.pause()
    old.clear()
    await old.play(frame(9))
    assert not new.paused
    assert [new.pull(), new.pull(), new.pull()] == [frame(5), frame(5), None]
    assert (old.played, old.recent[-1].pcm) == (1, frame(1))
    assert [f.pcm async for f in old.frames()] == [frame(2)]
    assert new.caught_up


async def test_whoever_waits_for_room_is_woken_for_ten_frames_of_it_and_not_for_each(
    open_port: OpenPort,
) -> None:
    port = open_port()
    playing = asyncio.create_task(port.play(b"".join(frame(n) for n in range(105))))
    await asyncio.sleep(0)
    assert port.position == 100
    for _ in range(9):
        port.pull()
        for _ in range(3):
            await asyncio.sleep(0)
    assert port.position == 100
    port.pull()
    async with asyncio.timeout(5):
        await playing
    assert port.position == 105


async def test_all_that_waits_is_given_at_once_and_treated(open_port: OpenPort) -> None:
    port = open_port()
    port.treat = lambda pcm: pcm[:1]
    for n in range(3):
        port.clock.tick()
        port.push(frame(n))
    port.close()
    batches = [[(f.pcm, f.t) for f in frames] async for frames in port.batches()]
    assert batches == [[(b"\0", 20), (b"\1", 40), (b"\2", 60)]]
