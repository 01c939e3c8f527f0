"""Hold, resume, mute and whisper: who hears what, and for how long."""

import asyncio
from typing import Any

import pytest

from sipagent.call.dial import Dial
from sipagent.call.verb import Outcome
from sipagent.events import HoldChanged, Warned
from sipagent.media.port import AudioPort
from sipagent.testing.audio import rms
from sipagent.testing.fakes import FakeCall, FakeLeg, FakeSounds, a_call, tone
from sipagent.testing.virtual import virtual_time
from sipagent.verbs import VERBS


async def do(call: FakeCall, verb: str, **arguments: Any) -> Outcome:
    return await call.control().do(VERBS[verb].model_validate(arguments))


def with_agent(call: FakeCall) -> AudioPort:
    port = call.bridge.open_port("agent")
    call.session.agent = port
    call.session.room.join(port)
    return port


async def with_other(call: FakeCall) -> FakeLeg:
    leg = await call.session.dial(Dial("sip:bob@x"))
    await asyncio.sleep(1)
    call.session.room.join(leg)
    call.session.other = leg
    return call.dialer.legs[0]


async def heard(leg: FakeLeg, seconds: float = 0.4) -> bool:
    """Whether the person on a leg hears anything in the next moment."""
    start = leg.far.clock.t + 20
    await asyncio.sleep(seconds)
    return rms(leg.far.heard_pcm(start)) > 100


@virtual_time
async def test_a_caller_on_hold_hears_music_and_the_agent_hears_nobody() -> None:
    call = a_call()
    agent = with_agent(call)
    assert (await do(call, "hold")).ok
    await asyncio.sleep(0.1)
    assert call.bridge.hears(agent) == ()
    await agent.play(tone(1000))
    assert await heard(call.caller)
    assert agent.played == 0
    assert not call.caller.on_hold
    assert (await do(call, "resume")).ok
    assert call.bridge.hears(agent) == (call.caller,)
    assert call.bridge.hears(call.caller) == (agent,)
    await agent.mark().reached()
    assert agent.played == 50
    assert [event.held for event in call.all(HoldChanged)] == [True, False]


@virtual_time
async def test_music_goes_round_and_is_the_plans_own() -> None:
    call = a_call()
    await do(call, "hold", music=["moh/one.wav", "moh/two.wav"])
    await asyncio.sleep(5)
    loaded = call.services.sounds.loaded  # type: ignore[attr-defined]
    assert loaded[:4] == ["moh/one.wav", "moh/two.wav", "moh/one.wav", "moh/two.wav"]
    assert await heard(call.caller)


@virtual_time
async def test_music_that_cannot_be_played_gives_way_to_the_houses_own() -> None:
    call = a_call(sounds=FakeSounds(missing=["gone.wav"]))
    await do(call, "hold", music="gone.wav")
    assert await heard(call.caller)
    assert [(w.code, w.detail) for w in call.all(Warned)] == [
        ("music", "gone.wav cannot be played")
    ]


@virtual_time
async def test_a_caller_on_hold_is_taken_back_after_the_timeout() -> None:
    call = a_call()
    await do(call, "hold", timeout=20)
    seen = []
    for seconds in (19, 2):
        await asyncio.sleep(seconds)
        seen.append(call.session.hold is not None)
    assert seen == [True, False]
    assert not await heard(call.caller)


@virtual_time
async def test_a_second_hold_is_not_ended_by_the_timer_of_the_first() -> None:
    call = a_call()
    await do(call, "hold", timeout=20)
    await asyncio.sleep(10)
    await do(call, "resume")
    await do(call, "hold", timeout=60)
    await asyncio.sleep(15)
    seen = [await heard(call.caller)]
    await do(call, "hold", timeout=100)
    for seconds in (70, 35):
        await asyncio.sleep(seconds)
        seen.append(await heard(call.caller))
    assert seen == [True, True, False]
    assert [event.held for event in call.all(HoldChanged)] == [True, False, True, False]


@virtual_time
async def test_a_signalled_hold_tells_the_phone_and_resume_does_too() -> None:
    call = a_call()
    told = []
    for verb, arguments in (
        ("hold", {"signalled": True}),
        ("hold", {"timeout": 50}),
        ("resume", {}),
    ):
        await do(call, verb, **arguments)
        told.append(call.caller.on_hold)
    assert told == [True, True, False]


@virtual_time
async def test_resume_without_a_hold_is_no_failure() -> None:
    call = a_call()
    assert (await do(call, "resume")).ok
    assert call.all(HoldChanged) == []


@virtual_time
async def test_a_held_caller_hears_what_the_plan_plays_and_then_the_music_again() -> None:
    call = a_call()
    await do(call, "hold", music="silence:9")
    async with asyncio.timeout(5):
        await do(call, "play", url="say:still waiting")
    assert rms(call.caller.far.heard_pcm()) > 100
    assert not await heard(call.caller)
    await do(call, "resume")
    assert call.session.room.members == [call.caller]


@virtual_time
async def test_nothing_is_left_when_a_held_caller_hangs_up() -> None:
    call = a_call()
    await do(call, "hold", signalled=True)
    await asyncio.sleep(1)
    call.caller.hang_up_remotely()
    await call.close()
    await asyncio.sleep(1)
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert left == []


@virtual_time
async def test_the_other_party_does_not_hear_a_held_caller_nor_their_music() -> None:
    call = a_call()
    other = await with_other(call)
    await do(call, "hold")
    call.caller.far.talk(2000)
    assert not await heard(other)
    assert await heard(call.caller)
    await do(call, "resume")
    call.caller.far.talk(2000)
    assert await heard(other)


@virtual_time
async def test_a_muted_party_hears_and_is_not_heard() -> None:
    call = a_call()
    other = await with_other(call)
    await do(call, "mute", who="caller")
    call.caller.far.talk(1000)
    other.far.talk(1000)
    assert not await heard(other)
    assert await heard(call.caller)
    await do(call, "unmute", who="caller")
    call.caller.far.talk(1000)
    assert await heard(other)
    await do(call, "mute", who="other")
    other.far.talk(1000)
    assert not await heard(call.caller)


@virtual_time
async def test_a_muted_agent_stays_muted_when_it_comes_back() -> None:
    call = a_call()
    agent = with_agent(call)
    await do(call, "mute", who="agent")
    async with call.session.aside():
        pass
    assert call.bridge.hears(call.caller) == ()
    assert call.bridge.hears(agent) == (call.caller,)


@pytest.mark.parametrize("verb", ["mute", "unmute", "whisper"])
def test_a_party_that_is_not_there_is_told(verb: str) -> None:
    @virtual_time
    async def scene() -> None:
        call = a_call()
        told = {"urls": "say:x"} if verb == "whisper" else {"who": "other"}
        outcome = await do(call, verb, **told)
        assert (outcome.ok, outcome.detail) == (False, "there is no other in this call now")

    scene()


@virtual_time
async def test_a_whisper_is_heard_by_one_party_only() -> None:
    call = a_call()
    other = await with_other(call)
    start = call.bridge.clock.t
    assert (await do(call, "whisper", urls="say:ask about the invoice")).ok
    assert rms(other.far.heard_pcm(start)) > 100
    assert rms(call.caller.far.heard_pcm(start)) == 0
    start = call.bridge.clock.t
    assert (await do(call, "whisper", urls="say:one minute left", to="caller")).ok
    assert rms(call.caller.far.heard_pcm(start)) > 100
    assert rms(other.far.heard_pcm(start)) == 0
