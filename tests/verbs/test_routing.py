"""Connect and transfer: what the model is told, and that no leg outlives its reason."""

import asyncio
from typing import Any

import pytest

from sipagent.call.leg import LegState, ReferOutcome
from sipagent.call.policy import Policy
from sipagent.call.verb import End, Outcome
from sipagent.events import PolicyDecided, Warned
from sipagent.testing.fakes import BUSY, NO_ANSWER, FakeCall, Script, a_call
from sipagent.testing.plans import planned_call
from sipagent.testing.virtual import virtual_time
from sipagent.verbs import VERBS
from sipagent.verbs.flow import run_plan

SALES = "sip:sales@pbx.example"
A, B, C = "sip:a@pbx.example", "sip:b@pbx.example", "sip:c@pbx.example"


def later(seconds: float, action: Any, *arguments: Any) -> None:
    asyncio.get_running_loop().call_later(seconds, action, *arguments)


def hang_up(call: FakeCall, callee: int) -> None:
    call.dialer.legs[callee].hang_up_remotely()


def states(call: FakeCall) -> list[LegState]:
    return [leg.state for leg in call.dialer.legs]


async def do(call: FakeCall, verb: str, by: str = "dialplan", **arguments: Any) -> Outcome:
    return await call.control(by).do(VERBS[verb].model_validate(arguments))


def with_agent(call: FakeCall) -> Any:
    port = call.bridge.open_port("agent")
    call.session.agent = port
    call.session.room.join(port)
    return port


@virtual_time
async def test_a_transfer_joins_the_caller_to_the_target_and_the_agent_is_out() -> None:
    call = a_call()
    agent = with_agent(call)
    outcome = await do(call, "transfer", "model", to=SALES)
    assert outcome.ok
    assert (outcome.status, outcome.detail, outcome.ends_talk) == (200, "connected to sales", True)
    (leg,) = call.dialer.legs
    assert call.session.room.members == [call.caller, leg]
    assert call.session.other is leg
    assert call.session.agent is None
    assert agent not in call.bridge.hears(call.caller)
    leg.far.talk(200)
    start = call.bridge.clock.t
    await asyncio.sleep(0.3)
    assert any(pcm != 0 for pcm in call.caller.far.heard_pcm(start))


@virtual_time
async def test_the_caller_hears_ringing_and_the_agent_nothing_meanwhile() -> None:
    call = a_call(scripts={SALES: Script(answers=5)})
    agent = with_agent(call)
    asking = asyncio.ensure_future(do(call, "transfer", "model", to=SALES))
    await asyncio.sleep(2)
    assert agent not in call.session.room.members
    assert any(call.caller.far.heard_pcm(1000))
    await asking
    assert call.session.room.members == [call.caller, *call.dialer.legs]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (BUSY, "486 Busy Here: sales is busy"),
        (NO_ANSWER, "408 Request Timeout: sales did not answer"),
        (Script(answers=0.2, status=603), "603 Decline: sales declined the call"),
        (Script(answers=0.2, status=404), "404 Not Found: sales is not a known address"),
        (Script(full=True), "503 Service Unavailable: sales cannot be reached at the moment"),
    ],
)
def test_a_failed_transfer_says_why_and_the_agent_is_back(script: Script, said: str) -> None:
    @virtual_time
    async def scene() -> None:
        call = a_call(scripts={SALES: script})
        agent = with_agent(call)
        outcome = await do(call, "transfer", "model", to=SALES, timeout=20)
        assert (outcome.ok, outcome.detail, outcome.ends_talk) == (False, said, False)
        assert outcome.status == int(said[:3])
        assert set(states(call)) <= {LegState.DISCONNECTED}
        assert call.session.room.members == [call.caller, agent]
        assert call.session.agent is agent

    scene()


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.3, 0.5, 0.52, 0.6, 3.0])
def test_no_leg_is_left_when_the_caller_hangs_up_during_a_transfer(moment: float) -> None:
    @virtual_time
    async def scene() -> None:
        call = a_call()
        with_agent(call)
        later(moment, call.caller.hang_up_remotely)
        await do(call, "transfer", "model", to=SALES)
        await asyncio.sleep(3.1)
        assert states(call) == [LegState.DISCONNECTED] * len(call.dialer.legs)
        assert call.session.other is None

    scene()


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.3, 0.5, 0.52, 0.6])
def test_no_leg_is_left_when_a_transfer_is_cancelled(moment: float) -> None:
    @virtual_time
    async def scene() -> None:
        call = a_call()
        work = asyncio.ensure_future(do(call, "transfer", to=SALES))
        await asyncio.sleep(moment)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await call.close()
        assert states(call) == [LegState.DISCONNECTED] * len(call.dialer.legs)
        assert call.session.room.members == []

    scene()


@virtual_time
async def test_a_transfer_takes_headers_along() -> None:
    call = a_call()
    with_agent(call)
    await do(call, "transfer", "model", to=SALES, headers={"X-Ticket": "4711"})
    assert call.dialer.dialled[0].headers == {"X-Ticket": "4711"}


@virtual_time
async def test_a_plans_own_transfer_holds_the_call_until_they_part() -> None:
    call = planned_call(f"- transfer: {{to: '{SALES}'}}\n- set: {{never: 1}}")
    later(30, hang_up, call, 0)
    outcome = await run_plan(call.control())
    assert outcome.flow == End()
    assert asyncio.get_running_loop().time() == pytest.approx(30, abs=0.1)
    assert "never" not in call.session.scope["vars"]
    assert call.session.other is None


@virtual_time
async def test_the_plan_can_branch_on_a_failed_transfer() -> None:
    call = planned_call(
        f"- transfer: {{to: '{SALES}'}}\n- set: {{r: '${{transfer_result}}'}}",
        scripts={SALES: BUSY},
    )
    await run_plan(call.control())
    assert call.session.scope["vars"]["r"] == "failed"
    assert "sales is busy" in call.session.scope["vars"]["transfer_failed_reason"]


@virtual_time
async def test_a_transfer_by_refer_reports_the_far_ends_outcome() -> None:
    call = a_call()
    with_agent(call)
    call.caller.refer_outcome = ReferOutcome(486, "Busy Here")
    outcome = await do(call, "transfer", "model", to=SALES, mode="refer")
    assert (outcome.ok, outcome.detail) == (False, "486 Busy Here: sales is busy")
    assert call.session.agent is not None
    call.caller.refer_outcome = ReferOutcome(200, "OK")
    outcome = await do(call, "transfer", "model", to=SALES, mode="refer")
    assert (outcome.ok, outcome.ends_talk) == (True, True)
    assert call.caller.referred == [SALES, SALES]
    assert call.caller.state is LegState.DISCONNECTED


@virtual_time
async def test_the_policy_bounds_how_long_a_bridged_call_lasts() -> None:
    call = a_call()
    policy = Policy(destinations=("*",), limits={"outbound_minutes": 1})
    verb = VERBS["connect"].model_validate({"to": SALES})
    outcome = await call.control("dialplan", policy).do(verb)
    assert outcome.detail == "was connected to sales for 60 seconds"
    assert [w.code for w in call.all(Warned)] == ["max_duration"]
    assert states(call) == [LegState.DISCONNECTED]


@virtual_time
async def test_a_destination_the_policy_does_not_list_is_never_dialled() -> None:
    call = a_call()
    verb = VERBS["transfer"].model_validate({"to": "+39 899 123456"})
    outcome = await call.control("model", Policy(destinations=("+44*",))).do(verb)
    assert (outcome.ok, outcome.status) == (False, 403)
    assert call.dialer.dialled == []
    assert [d.allowed for d in call.all(PolicyDecided)] == [False]


@virtual_time
async def test_connect_in_turn_rings_the_next_when_one_fails() -> None:
    call = a_call(scripts={A: BUSY, B: NO_ANSWER})
    later(60, hang_up, call, 2)
    serial = [{"to": A}, {"to": B, "timeout": 5}, {"to": C, "from": "200", "headers": {"X-Q": "1"}}]
    outcome = await do(call, "connect", serial=serial, timeout=10)
    assert outcome.ok
    assert [dial.target for dial in call.dialer.dialled] == [A, B, C]
    assert call.dialer.dialled[2].caller_id == "200"
    assert call.dialer.dialled[2].headers == {"X-Q": "1"}
    assert call.session.scope["vars"]["connect_result"] == "connected"
    assert states(call) == [LegState.DISCONNECTED] * 3


@virtual_time
async def test_connect_at_once_takes_the_first_who_answers_and_drops_the_rest() -> None:
    call = a_call(scripts={A: Script(answers=4), B: Script(answers=2), C: NO_ANSWER})
    asking = asyncio.ensure_future(do(call, "connect", parallel=[{"to": t} for t in (A, B, C)]))
    await asyncio.sleep(3)
    assert states(call) == [LegState.DISCONNECTED, LegState.CONFIRMED, LegState.DISCONNECTED]
    call.dialer.legs[1].hang_up_remotely()
    assert (await asking).ok


@virtual_time
async def test_two_who_answer_in_the_same_moment_leave_one_leg() -> None:
    call = a_call()
    asking = asyncio.ensure_future(do(call, "connect", parallel=[{"to": A}, {"to": B}]))
    await asyncio.sleep(1)
    assert sorted(states(call)) == [LegState.CONFIRMED, LegState.DISCONNECTED]
    call.caller.hang_up_remotely()
    await asking
    assert states(call) == [LegState.DISCONNECTED] * 2


@virtual_time
async def test_when_all_refuse_the_plan_branches_on_it() -> None:
    call = planned_call(
        f"""
- connect:
    parallel: [{{to: "{A}"}}, {{to: "{B}"}}]
    timeout: 5
    result:
      case: {{connected: [hangup]}}
      default: [{{set: {{why: "${{connect_failed_reason}}", code: "${{connect_status}}"}}}}]
- set: {{done: 1}}
""",
        scripts={A: BUSY, B: NO_ANSWER},
    )
    assert (await run_plan(call.control())).ok
    values = call.session.scope["vars"]
    assert (values["connect_result"], values["done"]) == ("failed", 1)
    assert values["why"] == "408 Request Timeout: b did not answer"
    assert values["code"] == 408


@virtual_time
async def test_whoever_answers_must_press_a_key_where_that_is_asked() -> None:
    call = a_call()
    later(2, lambda: call.dialer.legs[1].far.press("5"))
    later(20, hang_up, call, 1)
    outcome = await do(call, "connect", parallel=[{"to": A}, {"to": B}], confirm="say:press a key")
    assert outcome.ok
    assert outcome.detail == "was connected to b for 18 seconds"
    assert any(call.dialer.legs[0].far.heard_pcm())


@virtual_time
async def test_an_unconfirmed_answer_counts_as_none() -> None:
    call = a_call()
    outcome = await do(call, "connect", to=A, confirm="say:press a key", confirm_timeout=4)
    assert (outcome.ok, outcome.status) == (False, 480)
    assert states(call) == [LegState.DISCONNECTED]


@virtual_time
async def test_answer_on_bridge_answers_the_caller_with_the_callee() -> None:
    call = a_call(answered=False, scripts={A: Script(answers=4)})
    asking = asyncio.ensure_future(do(call, "connect", to=A, answer_on_bridge=True))
    seen = []
    for _ in range(2):
        await asyncio.sleep(3)
        seen.append(call.caller.state)
    assert seen == [LegState.EARLY, LegState.CONFIRMED]
    call.caller.hang_up_remotely()
    await asking


@pytest.mark.parametrize("moment", [0.0, 0.1, 0.5, 0.52, 1.0])
def test_no_leg_is_left_when_the_caller_hangs_up_during_connect(moment: float) -> None:
    @virtual_time
    async def scene() -> None:
        call = a_call(scripts={B: Script(answers=0.52)})
        later(moment, call.caller.hang_up_remotely)
        assert not (await do(call, "connect", parallel=[{"to": A}, {"to": B}])).ok
        await asyncio.sleep(2)
        assert states(call) == [LegState.DISCONNECTED] * len(call.dialer.legs)

    scene()
