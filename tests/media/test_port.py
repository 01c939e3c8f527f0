"""The door between media thread and loop."""

import asyncio

from sipagent.media.clock import MediaClock
from sipagent.media.frames import frame_bytes
from sipagent.media.port import AudioPort

SIZE = frame_bytes(8000)


def frame(value: int) -> bytes:
    return bytes([value, 0]) * (SIZE // 2)


async def test_what_is_played_is_pulled_frame_by_frame_and_counted() -> None:
    port = AudioPort("agent", 8000, MediaClock())
    await port.play(frame(1) + frame(2)[: SIZE // 2])
    assert (port.position, port.played) == (1, 0)
    mark = port.mark()
    assert port.position == 2
    assert port.pull() == frame(1)
    assert port.pull() == frame(2)[: SIZE // 2].ljust(SIZE, b"\0")
    assert port.pull() is None
    assert await mark.reached()
    assert port.played == 2


async def test_a_pause_loses_nothing_and_resumes_at_the_exact_frame() -> None:
    port = AudioPort("agent", 8000, MediaClock())
    await port.play(b"".join(frame(n) for n in range(4)))
    assert port.pull() == frame(0)
    assert port.pause() == 1
    assert [port.pull() for _ in range(3)] == [None] * 3
    port.resume()
    assert [port.pull() for _ in range(3)] == [frame(1), frame(2), frame(3)]


async def test_clearing_tells_what_was_not_heard_and_settles_marks() -> None:
    port = AudioPort("agent", 8000, MediaClock())
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


async def test_play_waits_while_the_queue_is_full() -> None:
    port = AudioPort("agent", 8000, MediaClock(), limit_ms=40)
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


async def test_what_is_heard_is_dropped_oldest_first_and_ends_at_close() -> None:
    clock = MediaClock()
    port = AudioPort("agent", 8000, clock, limit_ms=40)
    for n in range(3):
        clock.tick()
        port.push(frame(n))
    port.close()
    assert [(f.pcm[0], f.t) async for f in port.frames()] == [(1, 40), (2, 60)]


async def test_closing_a_port_releases_whoever_plays_and_whoever_listens() -> None:
    port = AudioPort("agent", 8000, MediaClock(), limit_ms=40)
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


async def test_a_mark_behind_what_was_played_is_reached_at_once() -> None:
    port = AudioPort("agent", 8000, MediaClock())
    await port.play(frame(1))
    port.pull()
    assert await port.mark_at(1).reached()
    assert await port.mark().reached()


async def test_one_waiter_that_is_cancelled_leaves_the_mark_to_the_others() -> None:
    port = AudioPort("agent", 8000, MediaClock())
    await port.play(frame(1))
    mark = port.mark()
    first, second = (asyncio.create_task(mark.reached()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    port.pull()
    assert await second


async def test_the_first_frame_is_heard_without_waiting_for_the_next() -> None:
    port = AudioPort("agent", 8000, MediaClock())
    frames = port.frames()
    hearing = asyncio.ensure_future(anext(frames))
    await asyncio.sleep(0)
    port.push(frame(7))
    async with asyncio.timeout(5):
        assert (await hearing).pcm == frame(7)
