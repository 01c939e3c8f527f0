"""What the caller hears and answers: play, prompt, collect_digits; and signalling."""

import asyncio
from typing import Any

import pytest

from sipagent.call.leg import LegState
from sipagent.call.services import Heard
from sipagent.call.verb import End, Outcome
from sipagent.events import Warned
from sipagent.testing.fakes import FakeCall, FakeHearing, FakeLeg, FakeSounds, a_call
from sipagent.testing.virtual import virtual_time
from sipagent.verbs import VERBS


async def do(call: FakeCall, verb: str, **arguments: Any) -> Outcome:
    return await call.control().do(VERBS[verb].model_validate(arguments))


def later(seconds: float, action: Any, *arguments: Any) -> None:
    asyncio.get_running_loop().call_later(seconds, action, *arguments)


def now() -> float:
    """Seconds since the test began, free of the last bits of a float."""
    return round(asyncio.get_running_loop().time(), 3)


def values(call: FakeCall) -> dict[str, Any]:
    return dict(call.session.scope["vars"])


@virtual_time
async def test_play_answers_and_returns_when_the_last_sample_was_heard() -> None:
    call = a_call(answered=False)
    outcome = await do(call, "play", urls=["say:one two", "silence:1"])
    assert outcome.ok
    assert call.caller.state is LegState.CONFIRMED
    assert 1.2 <= now() <= 1.3
    assert call.session.room.members == [call.caller]


@virtual_time
async def test_play_before_the_answer_is_heard_as_early_media() -> None:
    call = a_call(answered=False)
    await do(call, "play", url="say:one moment", auto_answer=False)
    assert (call.caller.state, call.caller.status) == (LegState.EARLY, 183)
    assert any(call.caller.far.heard_pcm())


@virtual_time
async def test_what_cannot_be_played_fails_the_step_only() -> None:
    call = a_call(sounds=FakeSounds(missing=["x.wav"]))
    outcome = await do(call, "play", url="x.wav")
    assert (outcome.ok, outcome.detail) == (False, "x.wav cannot be played")
    assert call.session.room.members == [call.caller]


@virtual_time
async def test_play_stops_when_the_caller_hangs_up() -> None:
    call = a_call()
    later(1, call.caller.hang_up_remotely)
    outcome = await do(call, "play", url="silence:60")
    assert (outcome.ok, outcome.status) == (False, 487)
    assert now() < 1.1


@virtual_time
async def test_a_key_stops_the_prompt_and_is_its_value() -> None:
    call = a_call()
    later(1, call.caller.far.press, "2")
    outcome = await do(call, "prompt", play="silence:30")
    assert outcome.ok
    assert now() < 1.1
    assert (values(call)["prompt_result"], values(call)["prompt_value"]) == ("match_digits", "2")


@pytest.mark.parametrize(
    ("keys", "value", "terminator", "seconds"),
    [("12#9", "12", "#", 2), ("1234", "1234", "", 2), ("12", "12", "", 5), ("#", "", "#", 2)],
)
def test_several_keys_end_by_count_terminator_or_pause(
    keys: str, value: str, terminator: str, seconds: int
) -> None:
    @virtual_time
    async def scene() -> None:
        call = a_call()
        later(2, call.caller.far.press, keys)
        arguments = {"max_digits": 4, "terminators": "#", "digit_timeout": 3}
        await do(call, "prompt", play=["silence:1"], **arguments)
        assert values(call)["prompt_value"] == value
        assert values(call)["prompt_digit_terminator"] == terminator
        assert seconds <= now() < seconds + 0.1

    scene()


@virtual_time
async def test_keys_typed_ahead_count() -> None:
    call = a_call()
    await asyncio.sleep(0)
    call.caller.far.press("7")
    await do(call, "prompt", play="silence:30")
    assert values(call)["prompt_value"] == "7"


@virtual_time
async def test_no_answer_within_the_initial_timeout_after_the_prompt() -> None:
    call = a_call()
    await do(call, "prompt", play="silence:3", initial_timeout=4)
    assert values(call)["prompt_result"] == "no_input"
    assert 7 <= now() < 7.1


@virtual_time
async def test_an_answer_by_voice_stops_the_prompt_and_is_its_value() -> None:
    hearing = FakeHearing(Heard("sales", 0.9), takes=2)
    call = a_call(hearing=hearing)
    await do(call, "prompt", play="silence:30", speech_hints=["sales", "service"])
    assert (values(call)["prompt_result"], values(call)["prompt_value"]) == (
        "match_speech",
        "sales",
    )
    assert values(call)["prompt_speech_confidence"] == 0.9
    assert hearing.phrases == [("sales", "service")]
    assert now() < 2.1


@virtual_time
async def test_keys_win_where_nobody_speaks() -> None:
    call = a_call(hearing=FakeHearing())
    later(2, call.caller.far.press, "1")
    await do(call, "prompt", play="silence:1", speech_timeout=5)
    assert values(call)["prompt_result"] == "match_digits"


@virtual_time
async def test_a_prompt_that_cannot_be_played_says_failed() -> None:
    call = a_call(sounds=FakeSounds(missing=["x.wav"]))
    outcome = await do(call, "prompt", play="x.wav")
    assert not outcome.ok
    assert values(call)["prompt_result"] == "failed"


@virtual_time
async def test_collecting_takes_the_keys_away_from_the_agent() -> None:
    call = a_call()
    agents = call.session.keys
    await asyncio.sleep(0)
    later(1, call.caller.far.press, "42#")
    outcome = await do(call, "collect_digits", variable="order")
    assert (outcome.ok, dict(outcome.data)) == (True, {"digits": "42"})
    assert values(call)["order"] == "42"
    assert call.session.keys is agents
    call.caller.far.press("9")
    assert await agents.key() == "9"


@pytest.mark.parametrize(("reason", "status"), [("busy", 486), ("decline", 603), ("hangup", 603)])
def test_a_call_that_was_not_answered_is_refused_with_the_reason(reason: str, status: int) -> None:
    @virtual_time
    async def scene() -> None:
        call = a_call(answered=False)
        outcome = await do(call, "hangup", reason=reason)
        assert outcome.flow == End()
        assert (call.caller.state, call.caller.status) == (LegState.DISCONNECTED, status)

    scene()


@virtual_time
async def test_a_plan_says_with_which_status_it_refuses() -> None:
    call = a_call(answered=False)
    await do(call, "hangup", status=480)
    assert call.caller.status == 480


@virtual_time
async def test_an_answered_call_ends_after_its_max_duration() -> None:
    call = a_call(answered=False)
    await do(call, "answer", max_duration=30)
    seen = []
    for seconds in (29, 2):
        await asyncio.sleep(seconds)
        seen.append(call.caller.state)
    assert seen == [LegState.CONFIRMED, LegState.DISCONNECTED]
    assert [w.code for w in call.all(Warned)] == ["max_duration"]


@virtual_time
async def test_the_newest_answer_says_how_long_the_call_may_last() -> None:
    call = a_call(answered=False)
    for seconds in (30, 90):
        await do(call, "answer", max_duration=seconds)
    seen = []
    for seconds in (80, 20):
        await asyncio.sleep(seconds)
        seen.append(call.caller.state)
    assert seen == [LegState.CONFIRMED, LegState.DISCONNECTED]
    assert len(call.all(Warned)) == 1


@pytest.mark.swml("verb", "send_digits", "to the caller")
@virtual_time
async def test_digits_are_sent_to_the_caller() -> None:
    call = a_call()
    assert (await do(call, "send_digits", digits="12w#")).ok
    assert call.caller.sent_digits == ["12w#"]


@virtual_time
async def test_sip_refer_sets_how_it_came_out() -> None:
    call = a_call()
    outcome = await do(call, "sip_refer", to_uri="sip:sales@pbx.example")
    assert (outcome.ok, outcome.flow) == (True, End())
    assert values(call)["sip_refer_result"] == "success"
    assert values(call)["sip_refer_response_code"] == 200


@virtual_time
async def test_keys_go_to_the_other_party_where_that_is_wanted() -> None:
    call = a_call()
    alone = await do(call, "send_digits", digits="1", to="other")
    assert (alone.ok, alone.status) == (False, 481)
    call.session.other = other = FakeLeg(call.bridge.clock, state=LegState.CONFIRMED)
    assert (await do(call, "send_digits", digits="5#", to="other")).ok
    assert (other.sent_digits, call.caller.sent_digits) == (["5#"], [])
    await call.close()
