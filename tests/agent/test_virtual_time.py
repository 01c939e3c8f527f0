"""The simulated world itself: virtual time, the mixing bridge, scripted parties."""

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from sipagent.call.dial import Dial
from sipagent.call.leg import Leg, LegState
from sipagent.errors import LegFailed
from sipagent.events import CallEnded, DigitReceived, LegChanged, SpeechEnded, SpeechStarted
from sipagent.media.bridge import Bridge
from sipagent.testing.fakes import (
    BUSY,
    NO_ANSWER,
    BeepMouth,
    Line,
    ScriptedEars,
    a_call,
    tone,
)
from sipagent.testing.talk import a_talk
from sipagent.testing.virtual import VirtualLoop, run_virtual, virtual_time


def test_an_hour_of_waiting_takes_no_time() -> None:
    async def wait() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert run_virtual(wait(), limit=4000) == pytest.approx(3600)


def test_waiting_for_what_cannot_happen_is_an_error() -> None:
    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(TimeoutError):
        run_virtual(wait(), limit=60)


@virtual_time
async def test_a_thread_can_wake_the_virtual_loop() -> None:
    assert isinstance(asyncio.get_running_loop(), VirtualLoop)
    assert await asyncio.to_thread(lambda: 42) == 42


@virtual_time
async def test_a_port_is_heard_by_the_leg_twenty_milliseconds_at_a_time() -> None:
    call = a_call()
    bridge: Bridge = call.bridge
    port = bridge.open_port("agent")
    call.session.room.join(port)
    await port.play(tone(100))
    await asyncio.sleep(0.2)
    assert call.caller.far.heard_pcm(end=100) == tone(100)
    assert set(call.caller.far.heard_pcm(start=100)) == {0}
    assert [f.t for f in call.caller.far.heard] == list(range(0, 200, 20))
    await call.close()


@virtual_time
async def test_three_parties_hear_the_sum_of_the_others() -> None:
    call = a_call()
    ports = [call.bridge.open_port(name) for name in "ab"]
    for port in ports:
        call.session.room.join(port)
    await ports[0].play(tone(20, level=1000))
    await ports[1].play(tone(20, level=30000))
    call.caller.far.talk(20, level=5000)
    frames = ports[1].frames()
    heard_by_b = (await anext(frames)).pcm
    assert np.abs(np.frombuffer(heard_by_b, "<i2")).max() == 6000
    assert np.abs(np.frombuffer(call.caller.far.heard[0].pcm, "<i2")).max() == 31000
    await call.close()


@virtual_time
async def test_a_leg_on_hold_neither_speaks_nor_hears() -> None:
    call = a_call()
    port = call.bridge.open_port("agent")
    call.session.room.join(port)
    await call.caller.hold()
    await port.play(tone(100))
    await asyncio.sleep(0.2)
    assert call.caller.far.heard == []
    await call.close()


@virtual_time
async def test_dialled_parties_follow_their_scripts() -> None:
    call = a_call(scripts={"sip:busy@pbx": BUSY, "sip:away@pbx": NO_ANSWER})
    leg = await call.session.dial(Dial("sip:sales@pbx"))
    assert await leg.wait(LegState.CONFIRMED) is LegState.CONFIRMED
    busy = await call.session.dial(Dial("sip:busy@pbx"))
    with pytest.raises(LegFailed) as failed:
        await busy.wait(LegState.CONFIRMED)
    assert failed.value.status == 486
    away: Leg = await call.session.dial(Dial("sip:away@pbx"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(30):
            await away.wait(LegState.CONFIRMED)
    await call.close()
    assert away.status == 487
    assert [e.status for e in call.all(LegChanged) if e.leg == "callee1"] == [0, 180, 200, 200]
    assert isinstance(call.events[-1], CallEnded)


@virtual_time
async def test_pressed_keys_reach_the_keypad() -> None:
    call = a_call()
    await asyncio.sleep(0.1)
    call.caller.far.press("1#")
    assert [await call.session.keys.key(), await call.session.keys.key()] == ["1", "#"]
    assert [e.digit for e in call.all(DigitReceived)] == ["1", "#"]
    await call.close()


@virtual_time
async def test_words_can_be_read_back_from_beeps() -> None:
    mouth = BeepMouth()
    pcm = b"".join([chunk async for chunk in mouth.synthesize("good morning to you")])
    assert mouth.text_in(pcm) == "good morning to you"
    assert mouth.words_in(pcm[: 150 * 16]) == [("good", 100.0), ("morning", 50.0)]


@virtual_time
async def test_an_agent_is_woken_ten_times_a_second_and_by_the_first_loud_frame_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    wakes: list[float] = []
    plain = loop.call_soon_threadsafe

    def counted(callback: Callable[..., object], *arguments: object) -> asyncio.Handle:
        wakes.append(loop.time())
        return plain(callback, *arguments)

    async with a_talk(ears=ScriptedEars(Line("Hello?"))) as talk:
        await talk.until(2000)
        monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
        await talk.until(4000)
        assert 15 <= len(wakes) <= 25
        wakes.clear()
        speaks = talk.call.bridge.clock.t
        await talk.person.speak(2000)
        await talk.until(speaks + 2400)
        started, ended = talk.call.all(SpeechStarted)[0], talk.call.all(SpeechEnded)[0]
        assert started.t - speaks <= 20
        assert abs(ended.t - started.t - 2000) <= 20
        # the first frames one at a time, then what flows, and one at a time from the pause on
        assert wakes[0] * 1000 - speaks <= 40
        assert 20 <= len(wakes) <= 50
