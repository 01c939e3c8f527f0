"""Consent: nothing is recorded before the caller's own yes, and a no is for good."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sipagent.call.cdr import fold
from sipagent.call.consent import NoConsent
from sipagent.call.policy import Policy
from sipagent.call.privacy import Privacy
from sipagent.call.services import Heard
from sipagent.call.verb import Outcome
from sipagent.dialplan.load import plan_of
from sipagent.events import (
    CallStarted,
    ConsentChanged,
    RecordingStarted,
    RecordingStopped,
    StepStarted,
    TapStarted,
    TapStopped,
)
from sipagent.testing.fakes import FakeCall, FakeHearing, a_call
from sipagent.testing.virtual import virtual_time
from sipagent.tools.verbs import tool_of_verb
from sipagent.verbs import VERBS
from sipagent.verbs.flow import run_plan

REQUIRED = Privacy(recording_consent="required")


def later(seconds: float, action: Any, *arguments: Any) -> None:
    asyncio.get_running_loop().call_later(seconds, action, *arguments)


async def do(call: FakeCall, verb: str, **arguments: Any) -> Outcome:
    return await call.control("dialplan", Policy(taps=("rtp://*:*",))).do(
        VERBS[verb].model_validate(arguments)
    )


def private(tmp_path: Path, **more: Any) -> FakeCall:
    return a_call(**{"privacy": REQUIRED, "bundle": tmp_path, **more})


class Asked:
    """An agent whose caller answers as scripted."""

    def __init__(self, yes: bool) -> None:
        self.yes = yes
        self.questions: list[str] = []

    async def confirm(self, question: str) -> bool:
        self.questions.append(question)
        return self.yes

    async def finish_speaking(self) -> None:
        return


@virtual_time
async def test_a_recording_waits_for_the_yes_and_starts_with_it(tmp_path: Path) -> None:
    call = private(tmp_path)
    assert (await do(call, "record_call")).detail == "it will be recorded once the caller agrees"
    assert (await do(call, "tap", uri="rtp://127.0.0.1:4000")).ok
    await asyncio.sleep(1)
    assert call.all(RecordingStarted) == [] and call.all(TapStarted) == []
    later(2, call.caller.far.press, "1")
    assert (await do(call, "ask_consent")).ok
    await asyncio.sleep(0.1)
    given = call.all(ConsentChanged)[0]
    assert (given.consent, given.how, given.question) == ("given", "key", REQUIRED.consent_question)
    assert call.all(RecordingStarted)[0].t >= given.t
    assert len(call.all(TapStarted)) == 1
    await call.close()


@virtual_time
async def test_a_no_holds_for_the_whole_call(tmp_path: Path) -> None:
    call = private(tmp_path)
    await do(call, "record_call")
    later(2, call.caller.far.press, "2")
    assert not (await do(call, "ask_consent")).ok
    later(2, call.caller.far.press, "1")
    assert not (await do(call, "ask_consent")).ok
    refused = await do(call, "record_call")
    assert (refused.ok, refused.status) == (False, 403)
    assert not (await do(call, "record")).ok
    assert call.session.scope["vars"]["record_result"] == "no_consent"
    with pytest.raises(NoConsent):
        call.session.recordings.start("x", "x.wav")
    assert [e.consent for e in call.all(ConsentChanged)] == ["refused"]
    assert call.all(RecordingStarted) == []


@virtual_time
async def test_a_no_counts_where_nobody_had_to_ask(tmp_path: Path) -> None:
    call = private(tmp_path, privacy=Privacy())
    await do(call, "record_call")
    assert len(call.all(RecordingStarted)) == 1
    later(2, call.caller.far.press, "2")
    await do(call, "ask_consent")
    assert len(call.all(RecordingStopped)) == 1
    assert not (await do(call, "record_call", control_id="b")).ok


@virtual_time
async def test_an_answer_by_voice_has_to_be_certain_and_silence_is_no(tmp_path: Path) -> None:
    for answers, consent, how in (
        ((Heard("yes please", 0.9),), "given", "voice"),
        ((Heard("yes", 0.3),), "refused", "silence"),
        ((Heard("no thanks", 0.9),), "refused", "voice"),
        ((Heard("what", 0.9), Heard("ja", 0.9)), "given", "voice"),
        ((), "refused", "silence"),
    ):
        call = private(tmp_path, hearing=FakeHearing(*answers))
        await do(call, "ask_consent", say="silence:1", yes_phrases=["Ja"])
        changed = call.all(ConsentChanged)[0]
        assert (changed.consent, changed.how) == (consent, how), answers
        await call.close()


@virtual_time
async def test_the_model_may_have_it_asked_and_never_answers_itself(tmp_path: Path) -> None:
    ask = tool_of_verb(VERBS["ask_consent"])
    assert ask.parameters["properties"] == {}
    call = private(tmp_path)
    guessed = await ask.invoke({"yes_keys": "123456789"}, call.control("model"))
    assert not guessed.ok and "takes none" in guessed.text
    alone = await ask.invoke({}, call.control("model"))
    assert not alone.ok and call.all(ConsentChanged) == []
    agent = Asked(yes=True)
    assert (await ask.invoke({}, call.control("model", presence=agent))).ok
    assert agent.questions == [REQUIRED.consent_question]
    assert call.all(ConsentChanged)[0].how == "answer"


@virtual_time
async def test_a_yes_is_taken_back_by_key_or_by_the_model_for_the_caller(tmp_path: Path) -> None:
    for by_key in (True, False):
        call = private(tmp_path)
        later(1, call.caller.far.press, "1")
        await do(call, "ask_consent", say="silence:3", withdraw_key="9")
        await do(call, "record_call")
        await do(call, "tap", uri="rtp://127.0.0.1:4000")
        await asyncio.sleep(0.1)
        if by_key:
            call.caller.far.press("9")
        else:
            await tool_of_verb(VERBS["withdraw_consent"]).invoke({}, call.control("model"))
        await asyncio.sleep(0.1)
        assert call.all(ConsentChanged)[-1].consent == "withdrawn"
        assert len(call.all(RecordingStopped)) == 1 and len(call.all(TapStopped)) == 1
        assert not (await do(call, "record_call", control_id="again")).ok
        await call.close()


@virtual_time
async def test_a_plan_goes_its_own_way_with_one_who_refuses(tmp_path: Path) -> None:
    plan = plan_of(
        {
            "privacy": {"recording_consent": "required"},
            "sections": {
                "main": [
                    {"ask_consent": {"say": "silence:1", "on_refusal": ["hangup"]}},
                    {"play": "say:welcome"},
                ]
            },
        },
        "plan",
    )
    call = private(tmp_path, program=plan.program, privacy=plan.privacy)
    later(2, call.caller.far.press, "2")
    await run_plan(call.control("dialplan", plan.policy))
    assert [e.verb for e in call.all(StepStarted)] == ["ask_consent", "hangup"]


@virtual_time
async def test_the_record_of_the_call_is_stamped(tmp_path: Path) -> None:
    call = private(tmp_path)
    call.session.emit(CallStarted, caller="a", callee="b")
    later(2, call.caller.far.press, "1")
    await do(call, "ask_consent", say="say:Is it all right to record this?")
    stamp = fold(call.events).consent[0]
    assert (stamp.consent, stamp.how) == ("given", "key")
    assert stamp.question == "Is it all right to record this?"
    assert isinstance(stamp.at, datetime)
