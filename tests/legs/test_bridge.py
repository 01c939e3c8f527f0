"""Real media over loopback RTP: what Python ports play and hear on the native conference."""

import asyncio
import ctypes
import wave
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from sipagent.call.dial import Dial
from sipagent.call.leg import LegState
from sipagent.call.services import Services
from sipagent.call.session import CallSession
from sipagent.legs.bridge import PjBridge
from sipagent.legs.ports import port_opener, short_way
from sipagent.media.frames import Frame
from sipagent.media.port import AudioPort
from sipagent.media.wav import WavWriter
from sipagent.testing.actor import Launch
from sipagent.testing.rings import rings
from sipagent.testing.signals import find, level, noise, share

if TYPE_CHECKING:
    from sipagent.testing.stage import Stage

#: sound compared sample by sample: a machine shared with other tests slips a frame now and then
pytestmark = pytest.mark.alone

RATE = 8000


async def _listen(port: AudioPort, frames: int) -> list[Frame]:
    heard: list[Frame] = []
    async for frame in port.frames():
        heard.append(frame)
        if len(heard) == frames:
            break
    return heard


def _join(stage: "Stage", leg: object) -> AudioPort:
    port = stage.bridge.open_port("test")
    stage.bridge.connect(leg, port)
    stage.bridge.connect(port, leg)
    return port


async def _echoes(stage: "Stage") -> Any:
    leg = await stage.incoming()
    port = _join(stage, leg)
    await leg.answer()
    worker = asyncio.create_task(_echo(port))
    await leg.wait(LegState.DISCONNECTED)
    played = port.played
    stage.bridge.close_port(port)
    await worker
    return played


async def _echo(port: AudioPort) -> None:
    async for frame in port.frames():
        await port.play(frame.pcm)


async def _speaks(stage: "Stage", target: str, alike: float) -> Any:
    leg = await stage.dialer.dial(Dial(target))
    port = _join(stage, leg)
    await leg.wait(LegState.CONFIRMED)
    await _listen(port, 25)
    for tries in range(1, 6):  # again: on a busy machine a jitter buffer drops frames
        said = noise(tries, 1000, stage.bridge.rate)
        await port.play(said)
        mark = port.mark()
        heard = b"".join(frame.pcm for frame in await _listen(port, 100))
        assert await mark.reached()
        found = share(said, heard, stage.bridge.rate, alike)
        if found >= 0.7:
            break
    await leg.hangup()
    return [found, mark.position / tries]


@pytest.mark.parametrize(
    ("codec", "rate", "alike"),
    # white noise is cut at 4 kHz by G.711 and at 7 kHz by G.722
    [("PCMU", 8000, 0.95), ("PCMA", 16_000, 0.6), ("G722", 16_000, 0.8)],
)
async def test_what_the_caller_says_comes_back_through_a_python_port(
    launch: Launch, codec: str, rate: int, alike: float
) -> None:
    settings = {"media": {"codecs": [codec], "clock_rate": rate}}
    callee = await launch(_echoes, settings=settings)
    caller = await launch(_speaks, callee.uri, alike, settings=settings)
    found, position = await caller.result()
    assert found >= 0.7
    assert position == 50
    assert await callee.result() >= 50


async def _pauses(stage: "Stage") -> Any:
    leg = await stage.incoming()
    port = _join(stage, leg)
    await leg.answer()
    said = noise(2, 1200, RATE)
    await port.play(said)
    first, whole = port.mark_at(10), port.mark()
    assert await first.reached()
    at = port.pause()
    await _listen(port, 15)
    still = port.played
    port.resume()
    assert await port.mark_at(at + 10).reached()
    cleared_at = port.pause()
    dropped = port.clear()
    lost = not await whole.reached()
    await _listen(port, 15)
    after = port.played
    await port.play(noise(3, 200, RATE))
    assert await port.mark().reached()
    await leg.wait(LegState.DISCONNECTED)
    return {"at": at, "still": still, "cleared": cleared_at, "dropped": dropped, "lost": lost,
            "after": after, "end": port.played, "t": first.t}  # fmt: skip


async def _hears_pauses(stage: "Stage", target: str) -> Any:
    leg = await stage.dialer.dial(Dial(target))
    port = _join(stage, leg)
    heard = b"".join(frame.pcm for frame in await _listen(port, 125))
    await leg.hangup()
    return _loud(heard)


def _loud(pcm: bytes) -> list[bool]:
    return [level(pcm[at : at + 320]) > 0.02 for at in range(0, len(pcm), 320)]


async def test_pause_and_clear_count_exactly_what_was_played(launch: Launch) -> None:
    callee = await launch(_pauses)
    caller = await launch(_hears_pauses, callee.uri)
    loud = await caller.result()
    told = await callee.result()
    assert 10 <= told["at"] <= 13
    assert told["still"] == told["at"]
    assert told["cleared"] >= told["at"] + 10
    assert told["dropped"] == (60 - told["cleared"]) * 20
    assert told["lost"]
    assert told["after"] == told["cleared"]
    assert told["end"] == told["cleared"] + 10
    assert told["t"] is not None
    # and the wire agrees: as many loud frames (one more where the codec's edges cut through one)
    assert abs(sum(loud) - told["end"]) <= 3
    assert loud[-1] is False


async def _keeps_speaking(stage: "Stage", target: str) -> Any:
    leg = await stage.dialer.dial(Dial(target))
    port = _join(stage, leg)
    await leg.wait(LegState.CONFIRMED)
    first = leg.media.getPortId()
    await leg.hold()
    held = leg.on_hold
    quiet = level(b"".join(frame.pcm for frame in await _listen(port, 20)))
    await leg.resume()
    await _listen(port, 15)
    said = noise(4, 600, RATE)
    await port.play(said)
    heard = b"".join(frame.pcm for frame in await _listen(port, 70))
    await leg.hangup()
    return [held, quiet, share(said, heard, RATE), first != -1]


async def test_connections_survive_hold_and_resume(launch: Launch) -> None:
    callee = await launch(_echoes)
    caller = await launch(_keeps_speaking, callee.uri)
    held, quiet, found, had_media = await caller.result()
    assert held
    assert had_media
    assert quiet < 0.001
    assert found >= 0.6
    await callee.result()


async def _records(stage: "Stage", folder: str) -> Any:
    leg = await stage.incoming()
    call = CallSession("c1", leg, stage.bridge, _services(Path(folder)), lambda event: None)
    agent = stage.bridge.open_port("agent")
    call.room.join(agent)
    await leg.answer()
    call.recordings.start("tape", "tape.wav")
    began = stage.bridge.clock.t
    said = noise(5, 800, RATE)
    await agent.play(said)
    mark = agent.mark()
    heard = await _listen(agent, 100)
    assert await mark.reached()
    assert mark.t is not None
    await leg.wait(LegState.DISCONNECTED)
    call.recordings.stop("tape")
    # a short piece of it: what the jitter buffer did on the way is no matter of the recording
    at, _ = find(noise(6, 800, RATE)[:1600], b"".join(frame.pcm for frame in heard), RATE)
    # `mark.t` is the tick in which the last frame was pulled
    return {"agent": mark.t - 780 - began, "caller": heard[0].t + at - began,
            "steps": sorted({b.t - a.t for a, b in pairwise(heard)})}  # fmt: skip


def _services(bundle: Path) -> Services:
    unused = cast(Any, None)
    return Services(
        dialer=unused,
        texts=unused,
        expressions=unused,
        sounds=unused,
        hearing=unused,
        talkers=unused,
        detector=unused,
        writers={"wav": WavWriter},
        tap_wires=unused,
        now=unused,
        bundle=bundle,
    )


async def _talks(stage: "Stage", target: str) -> Any:
    leg = await stage.dialer.dial(Dial(target))
    port = _join(stage, leg)
    await leg.wait(LegState.CONFIRMED)
    await _listen(port, 20)
    await port.play(noise(6, 800, RATE))
    await _listen(port, 110)
    await leg.hangup()


async def test_a_stereo_recording_has_each_party_on_its_side_at_its_time(
    launch: Launch, tmp_path: Path
) -> None:
    callee = await launch(_records, str(tmp_path))
    caller = await launch(_talks, callee.uri)
    await caller.result()
    told = await callee.result()
    with wave.open(str(tmp_path / "tape.wav")) as tape:
        pcm = tape.readframes(tape.getnframes())
    left = b"".join(pcm[at : at + 2] for at in range(0, len(pcm), 4))
    right = b"".join(pcm[at + 2 : at + 4] for at in range(0, len(pcm), 4))
    caller_at, _ = find(noise(6, 800, RATE)[:1600], left, RATE)
    agent_at, agent_alike = find(noise(5, 800, RATE), right, RATE)
    assert share(noise(6, 800, RATE), left, RATE) >= 0.6
    assert agent_alike > 0.95
    assert find(noise(5, 800, RATE), left, RATE)[1] < 0.1
    assert find(noise(6, 800, RATE), right, RATE)[1] < 0.1
    assert abs(caller_at - told["caller"]) <= 20
    assert abs(agent_at - told["agent"]) <= 20
    assert told["steps"] == [20]


async def _bridges(stage: "Stage", target: str) -> Any:
    first = await stage.incoming()
    await first.answer()
    second = await stage.dialer.dial(Dial(target))
    await second.wait(LegState.CONFIRMED)
    stage.bridge.connect(first, second)
    stage.bridge.connect(second, first)
    await first.wait(LegState.DISCONNECTED)
    await second.hangup()


async def test_two_legs_hear_each_other_through_the_conference(launch: Launch) -> None:
    callee = await launch(_echoes)
    middle = await launch(_bridges, callee.uri)
    caller = await launch(_speaks, middle.uri, 0.9)
    found, _ = await caller.result()
    await middle.result()
    await callee.result()
    assert found >= 0.7


async def _reuses_ports(stage: "Stage") -> Any:
    bridge = stage.bridge
    first, second = bridge.open_port("first"), bridge.open_port("second")
    unheard = bridge.open_port("unheard")
    bridge.connect(first, second)
    bridge.connect(first, second)
    said = noise(7, 200, RATE)
    await first.play(said)
    await unheard.play(said)
    heard = await _listen(second, 15)
    bridge.disconnect(first, second)
    await first.play(said)
    ticks = bridge.clock.t
    third = bridge.open_port("third")
    bridge.connect(third, second)
    more = await _listen(second, 10)
    bridge.close_port(first)
    bridge.close_port(third)
    bridge.close_port(second)
    left = await _listen(second, 1000)
    return {
        "exact": said in b"".join(frame.pcm for frame in heard),
        "steady": {b.t - a.t for a, b in pairwise(heard)} == {20},
        "silence": level(b"".join(frame.pcm for frame in more if frame.t > ticks + 20)),
        "unread": [first.played, unheard.played],
        "ended": len(left) < 1000,
    }


async def test_ports_hear_only_what_they_are_connected_to(launch: Launch) -> None:
    actor = await launch(_reuses_ports)
    told = await actor.result()
    assert told == {"exact": True, "steady": True, "silence": 0.0, "unread": [10, 0], "ended": True}


async def _holds_the_interpreter(stage: "Stage") -> Any:
    bridge = PjBridge(stage.endpoint, rings())
    bridge.start()
    mouth, ear = bridge.open_port("mouth"), bridge.open_port("ear")
    bridge.connect(mouth, ear)
    await _listen(ear, 2)
    said = noise(9, 800, RATE)
    await mouth.play(said)
    began, t = mouth.played, bridge.clock.t
    # a second in which no other thread may run Python
    ctypes.PyDLL(None).usleep(1_000_000)
    passed = (bridge.clock.t - t) // 20
    played = mouth.played - began
    heard = await _listen(ear, 50)
    steps = sorted({b.t - a.t for a, b in pairwise(heard)})
    return [passed, played, steps, said in b"".join(frame.pcm for frame in heard)]


async def test_sound_goes_on_while_nothing_else_may(launch: Launch) -> None:
    actor = await launch(_holds_the_interpreter)
    passed, played, steps, whole = await actor.result()
    # with the interpreter on the media thread it would be one at most
    assert passed >= 5
    assert played >= 5
    assert steps == [20]
    assert whole


async def _opens(stage: "Stage", shortcut: bool) -> Any:
    loop = asyncio.get_running_loop()
    raised: list[str] = []
    loop.set_exception_handler(lambda _, context: raised.append(repr(context["exception"])))
    short = short_way(stage.endpoint.native, RATE) if shortcut else None
    open_port = port_opener(RATE, loop, short)
    said, heard = noise(8, 100, RATE), bytearray()
    frames = [said[at : at + 320] for at in range(0, len(said), 320)]
    enough = asyncio.Event()

    def give() -> bytes | None:
        return frames.pop(0) if frames else None

    def take(pcm: bytes) -> None:
        heard.extend(pcm)
        if len(heard) >= len(said):
            loop.call_soon_threadsafe(enough.set)

    def fails() -> bytes | None:
        raise ValueError("of a port")

    # the sinks first: what is given is gone
    sink = open_port(lambda: None, take)
    open_port(fails, lambda pcm: None).startTransmit(sink)
    open_port(give, lambda pcm: None).startTransmit(sink)
    await enough.wait()
    loop.set_exception_handler(None)
    return [said == bytes(heard[: len(said)]), sorted(set(raised)), type(sink).__name__]


@pytest.mark.parametrize("shortcut", [True, False])
async def test_ports_carry_the_same_by_the_short_way_and_by_the_long_one(
    launch: Launch, shortcut: bool
) -> None:
    actor = await launch(_opens, shortcut)
    same, raised, kind = await actor.result()
    assert same
    assert raised == ["ValueError('of a port')"]
    # where the library's layout is as it was proven the directors are not needed
    assert kind == ("AudioMedia" if shortcut else "_Directed")
