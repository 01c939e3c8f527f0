"""The model fails: the caller hears of it, the record says why, and the call goes on."""

import math
from pathlib import Path

import pytest

from sipagent.events import CallEnded, ProviderFailed, StepStarted
from sipagent.testing.model_server import Reply
from sipagent.testing.modelled import APOLOGY, Script, Talk, last, modelled
from sipagent.testing.ports import free_port

pytestmark = pytest.mark.slow


def causes(talk: Talk) -> list[tuple[str, str, str]]:
    """Provider, role and what was done, of each failure."""
    return [(e.provider, e.role, e.then) for e in talk.all(ProviderFailed)]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(status=429), "429 from http://127.0.0.1"),
        (Reply(status=503), "the server failed"),
    ],
    ids=["429", "503"],
)
async def test_a_failing_model_is_tried_twice_then_the_caller_is_told_and_the_call_goes_on(
    tmp_path: Path, reply: Reply, said: str
) -> None:
    script: Script = [reply, reply, "We are open from nine to five."]
    async with modelled(tmp_path, script) as talk:
        await talk.presses("1")
        apology = await talk.told(APOLOGY)
        assert causes(talk) == [("mind", "mind", "retry"), ("mind", "mind", "apology")]
        assert all(said in event.cause for event in talk.all(ProviderFailed))
        request = await talk.presses("2")
        assert [m["content"] for m in request.messages[-3:]] == [
            "[keys pressed: 1]",
            APOLOGY,
            "[keys pressed: 2]",
        ]
        answer = await talk.told("We are open from nine to five.")
        assert talk.all(CallEnded) == []
        assert await talk.heard(apology)
        assert await talk.heard(answer)


async def test_a_model_that_was_waited_for_is_not_waited_for_again(tmp_path: Path) -> None:
    script: Script = [Reply("late", stall=math.inf), "From nine to five."]
    async with modelled(tmp_path, script, provider={"first_token_seconds": 0.5}) as talk:
        await talk.presses("1")
        await talk.told(APOLOGY)
        assert causes(talk) == [("mind", "mind", "apology")]
        assert "no word from test within 0.5 s" in talk.all(ProviderFailed)[0].cause
        await talk.presses("2")
        await talk.told("From nine to five.")


async def test_a_model_that_falls_silent_in_mid_answer_is_given_up(tmp_path: Path) -> None:
    script: Script = [Reply("We are open. From nine", hold_after=3), "From nine to five."]
    async with modelled(tmp_path, script, provider={"stall_seconds": 0.5}) as talk:
        await talk.presses("1")
        await talk.told(APOLOGY)
        assert causes(talk) == [("mind", "mind", "apology")]
        assert "fell silent" in talk.all(ProviderFailed)[0].cause
        await talk.presses("2")
        await talk.told("From nine to five.")


async def test_a_wrong_key_is_not_tried_again_and_the_second_failure_takes_the_fallback(
    tmp_path: Path,
) -> None:
    async with modelled(tmp_path, []) as talk:
        talk.model.api_key = "right"
        await talk.call.press("1")
        await talk.told(APOLOGY)
        await talk.call.press("2")
        await talk.call.wait_ended(20)
        end = await talk.server.ended()
        assert end.by == "plan"
        failed = talk.all(ProviderFailed)
        assert [(e.provider, e.then) for e in failed] == [("mind", "apology"), ("mind", "fallback")]
        assert all("wrong API key" in event.cause for event in failed)
        assert [s.section for s in talk.all(StepStarted)][-2:] == ["sorry", "sorry"]


async def test_a_model_that_is_not_there_is_named_and_the_fallback_is_taken(
    tmp_path: Path,
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/v1"
    async with modelled(tmp_path, [], provider={"base_url": nowhere}) as talk:
        await talk.call.press("1")
        await talk.told(APOLOGY)
        await talk.call.press("2")
        await talk.call.wait_ended(20)
        await talk.server.ended()
        failed = talk.all(ProviderFailed)
        assert [e.then for e in failed] == ["retry", "apology", "retry", "fallback"]
        assert all(f"cannot connect to {nowhere}" in event.cause for event in failed)
        assert [s.section for s in talk.all(StepStarted)][-2:] == ["sorry", "sorry"]


async def test_a_success_between_two_failures_keeps_the_talk_alive(tmp_path: Path) -> None:
    script: Script = [Reply(status=400), "Two.", Reply(status=400), "Four."]
    async with modelled(tmp_path, script) as talk:
        await talk.presses("1")
        await talk.told(APOLOGY)
        await talk.presses("2")
        await talk.told("Two.")
        since = len(talk.server.events)
        await talk.presses("3")
        await talk.told(APOLOGY, since=since)
        assert last(await talk.presses("4")) == "[keys pressed: 4]"
        await talk.told("Four.")
