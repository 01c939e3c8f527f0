"""One contract: the simulated bridge does what the native conference does, served either way."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sipagent.call.leg import LegState
from sipagent.legs.bridge import PjBridge
from sipagent.media.bridge import Bridge
from sipagent.media.frames import FRAME_MS, Frame, frame_samples
from sipagent.media.port import AudioPort
from sipagent.testing.actor import launching
from sipagent.testing.bridge import SimulatedBridge
from sipagent.testing.fakes import FakeLeg
from sipagent.testing.rings import rings
from sipagent.testing.virtual import run_virtual

if TYPE_CHECKING:
    from sipagent.testing.stage import Stage

RATE = 8000
Contract = Callable[[Bridge], Awaitable[Any]]
Observe = Callable[[Contract], Any]


async def _simulated(contract: Contract) -> Any:
    bridge = SimulatedBridge(RATE)
    bridge.start()
    try:
        return await contract(bridge)
    finally:
        bridge.stop()


async def _native(contract: Contract, in_c: bool) -> Any:
    async with launching() as launch:
        return await (await launch(_staged, contract.__name__, in_c)).result()


async def _staged(stage: "Stage", name: str, in_c: bool) -> Any:
    contract: Contract = globals()[name]
    bridge = PjBridge(stage.endpoint, rings() if in_c else None)
    bridge.start()
    return await contract(bridge)


@pytest.fixture(params=["simulated", "native, in C", "native, in Python"])
def observe(request: pytest.FixtureRequest) -> Observe:
    """What a contract saw on one of the bridges."""
    if request.param == "simulated":
        return lambda contract: run_virtual(_simulated(contract))
    in_c = request.param == "native, in C"
    return lambda contract: asyncio.run(_native(contract, in_c))


def steady(value: int, frames: int) -> bytes:
    """`frames` of one constant sample: what is mixed into it shows at once."""
    return np.full(frames * frame_samples(RATE), value, "<i2").tobytes()


def sample(frame: Frame) -> int:
    """The constant a frame was made of."""
    return int(np.frombuffer(frame.pcm, "<i2")[80])


async def listen(port: AudioPort, frames: int) -> list[Frame]:
    heard: list[Frame] = []
    async for frame in port.frames():
        heard.append(frame)
        if len(heard) == frames:
            break
    return heard


def pair(bridge: Bridge) -> tuple[AudioPort, AudioPort]:
    mouth, ear = bridge.open_port("mouth"), bridge.open_port("ear")
    bridge.connect(mouth, ear)
    return mouth, ear


async def _hears(bridge: Bridge) -> Any:
    mouth, ear = pair(bridge)
    bridge.connect(mouth, ear)
    await listen(ear, 3)
    await mouth.play(b"".join(steady(value, 1) for value in (100, 200, 300)))
    mark = mouth.mark()
    assert await mark.reached()
    heard = await listen(ear, 12)
    loud = [frame for frame in heard if sample(frame)]
    return {
        "values": [sample(frame) for frame in loud],
        "steps": sorted({b.t - a.t for a, b in pairwise(heard)}),
        "marked": mark.t == loud[-1].t,
        "sizes": sorted({len(frame.pcm) for frame in heard}),
        "rates": [bridge.rate, mouth.rate],
    }


def test_a_sink_hears_each_frame_once_and_silence_after_it(observe: Observe) -> None:
    assert observe(_hears) == {
        "values": [100, 200, 300],
        "steps": [FRAME_MS],
        "marked": True,
        "sizes": [320],
        "rates": [RATE, RATE],
    }


async def _mixes(bridge: Bridge) -> Any:
    first, ear = pair(bridge)
    second = bridge.open_port("second")
    bridge.connect(second, ear)
    bridge.connect(second, first)
    await asyncio.gather(first.play(steady(1000, 25)), second.play(steady(2000, 25)))
    both = [sample(frame) for frame in await listen(ear, 40)]
    other = [sample(frame) for frame in await listen(first, 20)]
    return [max(both), set(other) <= {0, 2000}, max(other)]


def test_a_sink_hears_the_sum_of_its_sources_and_never_itself(observe: Observe) -> None:
    assert observe(_mixes) == [3000, True, 2000]


async def _parts(bridge: Bridge) -> Any:
    mouth, ear = pair(bridge)
    other, unheard = bridge.open_port("other"), bridge.open_port("unheard")
    bridge.disconnect(other, ear)
    await unheard.play(steady(50, 5))
    await mouth.play(steady(100, 5))
    assert await mouth.mark().reached()
    bridge.disconnect(mouth, ear)
    bridge.disconnect(mouth, ear)
    await mouth.play(steady(100, 5))
    until = bridge.clock.t
    while bridge.clock.t < until + 10 * FRAME_MS:
        await asyncio.sleep(0.01)
    alone = mouth.played
    bridge.connect(other, ear)
    since = bridge.clock.t
    late = [frame for frame in await listen(ear, 20) if frame.t > since]
    gap = min(frame.t for frame in late) - until
    return [mouth.played, alone, unheard.played, {sample(f) for f in late} == {0}, gap > 100]


def test_what_nobody_hears_is_not_played_and_who_hears_nobody_gets_nothing(
    observe: Observe,
) -> None:
    assert observe(_parts) == [5, 5, 0, True, True]


async def _pauses(bridge: Bridge) -> Any:
    mouth, ear = pair(bridge)
    await mouth.play(steady(700, 50))
    first, last = mouth.mark_at(10), mouth.mark()
    assert await first.reached()
    at = mouth.pause()
    await listen(ear, 15)
    still = mouth.played - at
    mouth.resume()
    assert await mouth.mark_at(at + 5).reached()
    held = mouth.pause()
    dropped = mouth.clear()
    cut = await last.reached()
    await mouth.play(steady(900, 3))
    assert await mouth.mark().reached()
    rest = [sample(frame) for frame in await listen(ear, 25)]
    return {
        "still": still,
        "dropped": dropped == (50 - held) * FRAME_MS,
        "cut": cut,
        "after": rest.count(900),
        "played": mouth.played - held,
        "order": rest.index(900) > max(n for n, value in enumerate(rest) if value == 700),
    }


def test_a_pause_is_silence_and_a_clear_is_the_end_of_it(observe: Observe) -> None:
    assert observe(_pauses) == {
        "still": 0,
        "dropped": True,
        "cut": False,
        "after": 3,
        "played": 3,
        "order": True,
    }


async def _closes(bridge: Bridge) -> Any:
    mouth, ear = pair(bridge)
    twin = bridge.open_port("twin")
    bridge.connect(mouth, twin)
    await mouth.play(steady(100, 50))
    mark = mouth.mark()
    await listen(ear, 3)
    bridge.close_port(ear)
    bridge.close_port(ear)
    ended = len(await listen(ear, 1000)) < 1000
    going = len(await listen(twin, 10))
    bridge.close_port(mouth)
    return [ended, going, await mark.reached(), mouth.idle]


def test_a_closed_port_is_over_and_leaves_the_others_alone(observe: Observe) -> None:
    assert observe(_closes) == [True, 10, False, True]


async def _waits_for_media(bridge: Bridge) -> Any:
    """A leg that has no media yet: whoever listens to it hears silence, frame by frame."""
    leg: Any = FakeLeg(bridge.clock) if isinstance(bridge, SimulatedBridge) else _Unanswered()
    assert leg.state is LegState.INCOMING
    ear, mouth = bridge.open_port("ear"), bridge.open_port("mouth")
    bridge.connect(leg, ear)
    bridge.connect(mouth, leg)
    await mouth.play(steady(100, 5))
    heard = await listen(ear, 10)
    steps = sorted({b.t - a.t for a, b in pairwise(heard)})
    return [steps, {sample(frame) for frame in heard} == {0}, mouth.played]


class _Unanswered:
    """A native conferee before its media."""

    state = LegState.INCOMING
    media = None

    def on_media(self, listener: Callable[[], None]) -> None:
        """It never comes."""


def test_a_leg_without_media_is_silence_and_what_it_should_hear_is_kept(observe: Observe) -> None:
    assert observe(_waits_for_media) == [[FRAME_MS], True, 0]
