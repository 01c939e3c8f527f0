"""Connect: who answers must want the call, and is told something first."""

import asyncio
from typing import Any

import pytest

from sipagent.call.leg import LegState
from sipagent.call.services import Heard
from sipagent.call.verb import Outcome
from sipagent.testing.fakes import FakeCall, FakeHearing, Script, a_call
from sipagent.testing.plans import planned_call
from sipagent.testing.virtual import virtual_time
from sipagent.verbs import VERBS
from sipagent.verbs.flow import run_plan

A, B = "sip:a@pbx.example", "sip:b@pbx.example"


def later(seconds: float, action: Any, *arguments: Any) -> None:
    asyncio.get_running_loop().call_later(seconds, action, *arguments)


def hang_up(call: FakeCall, callee: int) -> None:
    call.dialer.legs[callee].hang_up_remotely()


def states(call: FakeCall) -> list[LegState]:
    return [leg.state for leg in call.dialer.legs]


async def do(call: FakeCall, verb: str, **arguments: Any) -> Outcome:
    return await call.control().do(VERBS[verb].model_validate(arguments))


@pytest.mark.parametrize(("keys", "connected"), [("5", False), ("51", True)])
def test_only_the_keys_that_were_asked_for_confirm(keys: str, connected: bool) -> None:
    @virtual_time
    async def scene() -> None:
        call = a_call()
        later(2, lambda: call.dialer.legs[0].far.press(keys))
        later(20, hang_up, call, 0)
        outcome = await do(call, "connect", to=A, confirm="say:press one", confirm_keys="1")
        assert outcome.ok is connected

    scene()


@virtual_time
async def test_a_yes_that_is_certain_confirms_while_the_others_ring_on() -> None:
    hearing = FakeHearing(Heard("yes", 0.4), Heard("no", 0.9), Heard("yes", 0.9), takes=2)
    call = a_call(hearing=hearing, scripts={B: Script(answers=60)})
    asking = asyncio.ensure_future(
        do(
            call,
            "connect",
            parallel=[{"to": A}, {"to": B}],
            confirm="say:one two three",
            confirm_phrases=["yes", "take it"],
        )
    )
    seen = []
    for _ in range(2):
        await asyncio.sleep(5)
        seen.append(states(call))
    assert seen == [
        [LegState.CONFIRMED, LegState.EARLY],
        [LegState.CONFIRMED, LegState.DISCONNECTED],
    ]
    assert call.session.scope["vars"]["connect_to"] == A
    hang_up(call, 0)
    assert (await asking).ok


CONFIRMING = """
sections:
  main:
    - connect:
        serial:
          - {to: "sip:a@pbx.example", confirm: ask}
          - to: "sip:b@pbx.example"
            confirm:
              - play: "say:to b"
              - cond: [{when: "true", then: [{return: true}]}]
        confirm_timeout: 30
    - set: {done: 1}
  ask:
    - prompt: {play: "say:press one to take the call of ${vars.who}", initial_timeout: 3}
    - switch:
        variable: prompt_value
        case: {"1": [{return: true}], "2": [hangup]}
        default: [{return: false}]
"""
AFTERWARDS = """
sections:
  main:
    - connect: {to: "sip:a@pbx.example", transfer_after_bridge: later}
    - set: {never: 1}
  later:
    - set: {came: 1}
"""


@pytest.mark.parametrize(
    ("press", "after", "who"),
    [("1", None, A), ("2", None, B), ("3", None, B), ("", None, B), ("", "gone", B)],
)
def test_steps_run_with_whoever_answered_and_decide(
    press: str, after: str | None, who: str
) -> None:
    @virtual_time
    async def scene() -> None:
        call = planned_call(CONFIRMING)
        call.session.scope["vars"]["who"] = "Bob"
        if press:
            later(1.5, lambda: call.dialer.legs[0].far.press(press))
        if after:
            later(1.5, hang_up, call, 0)
        later(30, call.caller.hang_up_remotely)
        await run_plan(call.control())
        assert call.session.scope["vars"]["connect_to"] == who
        assert "prompt_value" not in call.session.scope["vars"]
        assert "say:press one to take the call of Bob" in call.services.sounds.loaded  # type: ignore[attr-defined]
        assert states(call) == [LegState.DISCONNECTED] * len(call.dialer.legs)

    scene()


@virtual_time
async def test_who_answers_is_told_something_before_the_caller_is_put_through() -> None:
    call = a_call()
    later(20, hang_up, call, 0)
    await do(call, "connect", to=A, whisper="say:a call from the shop", ringback=[])
    assert any(call.dialer.legs[0].far.heard_pcm())
    assert not any(call.caller.far.heard_pcm())


@virtual_time
async def test_who_hangs_up_while_being_told_was_not_connected() -> None:
    call = a_call()
    later(2, hang_up, call, 0)
    outcome = await do(call, "connect", to=A, whisper="silence:9")
    assert (outcome.ok, outcome.status) == (False, 487)
    assert call.session.scope["vars"]["connect_result"] == "failed"


@virtual_time
async def test_the_plan_goes_on_in_a_section_when_the_two_have_parted() -> None:
    call = planned_call(AFTERWARDS)
    later(20, hang_up, call, 0)
    await run_plan(call.control())
    assert call.session.scope["vars"]["came"] == 1
    assert "never" not in call.session.scope["vars"]
