"""Walking a plan: jumps, branches, subroutines, limits, and what a broken plan does."""

import asyncio

import pytest

from sipagent.call.leg import LegState
from sipagent.call.policy import Policy
from sipagent.call.verb import End, Return
from sipagent.events import PolicyDecided, StepStarted, VerbDone, Warned
from sipagent.testing.fakes import FakeCall
from sipagent.testing.plans import planned_call
from sipagent.testing.virtual import virtual_time
from sipagent.verbs.flow import MAX_STEPS, run_plan, run_section


def walked(call: FakeCall) -> list[str]:
    return [event.verb for event in call.all(StepStarted)]


@pytest.mark.swml("verb", "sleep", "milliseconds")
@pytest.mark.swml("verb", "set", "values with expressions")
@virtual_time
async def test_steps_run_in_order_and_are_on_record_with_their_lines() -> None:
    call = planned_call("- sleep: 100\n- set: {a: '${1 + 1}'}\n- hangup")
    outcome = await run_plan(call.control())
    assert isinstance(outcome.flow, End)
    assert [(e.section, e.index, e.verb, e.line) for e in call.all(StepStarted)] == [
        ("main", 0, "sleep", 3), ("main", 1, "set", 4), ("main", 2, "hangup", 5)
    ]  # fmt: skip
    assert call.session.scope["vars"] == {"a": 2}
    assert call.caller.state is LegState.DISCONNECTED


@pytest.mark.swml("verb", "goto", "a label of the section, at most max times")
@virtual_time
async def test_goto_stops_jumping_at_its_max() -> None:
    call = planned_call(
        "- label: again\n- set: {n: '${(vars.n || 0) + 1}'}\n- goto: {label: again, max: 3}"
    )
    outcome = await run_plan(call.control())
    assert outcome.ok
    assert call.session.scope["vars"]["n"] == 4


@pytest.mark.swml("verb", "label", "found from inside a branch, too")
@virtual_time
async def test_goto_jumps_out_of_a_branch_to_a_label_of_its_section() -> None:
    call = planned_call(
        """
- cond:
    - when: "true"
      then: [{goto: end}, {set: {never: 1}}]
- set: {never: 1}
- label: end
- set: {done: 1}
"""
    )
    assert (await run_plan(call.control())).ok
    assert call.session.scope["vars"] == {"done": 1}


@pytest.mark.swml("verb", "goto", "when")
@virtual_time
async def test_a_goto_whose_condition_fails_does_not_jump() -> None:
    call = planned_call("- label: a\n- goto: {label: a, when: 'vars.n > 1'}\n- set: {done: 1}")
    assert (await run_plan(call.control())).ok
    assert call.session.scope["vars"] == {"done": 1}


@pytest.mark.swml("verb", "return", "any value, as return_value")
@virtual_time
async def test_execute_brings_back_the_return_value_and_its_own_params() -> None:
    call = planned_call(
        """
sections:
  main:
    - execute:
        dest: double
        params: {n: 21}
        on_return: [{set: {seen: "${return_value}"}}]
        result:
          case:
            "42": [{set: {right: true}}]
          default: [{set: {right: false}}]
    - set: {after: "${params.n}"}
  double:
    - return: "${params.n * 2}"
    - set: {never: 1}
"""
    )
    assert (await run_plan(call.control())).ok
    assert call.session.scope["vars"] == {
        "return_value": 42, "seen": 42, "right": True, "after": ""
    }  # fmt: skip


@virtual_time
async def test_a_section_run_alone_hands_up_its_return() -> None:
    call = planned_call("- return: {a: 1}")
    assert (await run_section(call.control(), "main")).flow == Return({"a": 1})


@virtual_time
async def test_transfer_to_a_section_does_not_come_back() -> None:
    call = planned_call(
        """
sections:
  main:
    - execute: sub
    - set: {never: 1}
  sub:
    - transfer: {dest: other, params: {x: 1}}
  other:
    - set: {x: "${params.x}"}
"""
    )
    assert (await run_plan(call.control())).ok
    assert call.session.scope["vars"] == {"x": 1}


@pytest.mark.swml("verb", "switch", "cases by value, numbers and booleans too; default")
@virtual_time
async def test_switch_takes_the_case_or_the_default() -> None:
    text = """
- set: {n: 2, flag: true}
- switch: {variable: n, case: {"2": [{set: {a: two}}]}, default: [{set: {a: other}}]}
- switch: {variable: vars.flag, case: {3: [{set: {b: three}}], true: [{set: {b: "yes"}}]}}
- switch: {variable: nothing, case: {x: [{set: {c: x}}]}, default: [{set: {c: other}}]}
"""
    call = planned_call(text)
    await run_plan(call.control())
    values = call.session.scope["vars"]
    assert (values["a"], values["b"], values["c"]) == ("two", "yes", "other")


@pytest.mark.swml("verb", "unset", "one variable or several")
@pytest.mark.swml("verb", "cond", "JavaScript conditions in order; else of one and of all")
@virtual_time
async def test_cond_takes_the_first_branch_that_holds() -> None:
    text = """
- cond:
    - {when: "1 > 2", then: [{set: {a: 1}}]}
    - {when: "vars.list", then: [{set: {a: 2}}]}
    - {else: [{set: {a: 3}}]}
- cond: [{when: "false", then: [], else: [{set: {b: 1}}]}]
- unset: [gone, vars.list]
"""
    call = planned_call(text, {"vars": {"list": [], "gone": 1}})
    await run_plan(call.control())
    assert call.session.scope["vars"] == {"a": 2, "b": 1}


@virtual_time
async def test_a_plan_that_goes_round_for_ever_is_ended() -> None:
    call = planned_call("sections: {main: [{transfer: other}], other: [{transfer: main}]}")
    outcome = await run_plan(call.control())
    assert not outcome.ok
    assert len(call.all(StepStarted)) == MAX_STEPS + 1
    assert "steps in one call" in call.all(Warned)[0].detail


@virtual_time
async def test_sections_that_call_themselves_are_ended() -> None:
    call = planned_call("- execute: main")
    outcome = await run_plan(call.control())
    assert isinstance(outcome.flow, End)
    assert [w.code for w in call.all(Warned)] == ["plan_error"]


@virtual_time
async def test_a_broken_value_ends_the_plan_with_a_warning() -> None:
    call = planned_call("- sleep: '${vars.ms}'\n- set: {never: 1}", {"vars": {"ms": "soon"}})
    outcome = await run_plan(call.control())
    assert (outcome.ok, outcome.flow) == (False, End())
    assert "line 3: sleep: duration" in call.all(Warned)[0].detail
    assert call.caller.state is LegState.CONFIRMED


@virtual_time
async def test_a_broken_condition_ends_the_plan_with_a_warning() -> None:
    call = planned_call("- cond: [{when: 'nobody.x', then: []}]\n- set: {never: 1}")
    assert not (await run_plan(call.control())).ok
    assert "nobody" in call.all(Warned)[0].detail


@virtual_time
async def test_a_failed_verb_does_not_end_the_plan() -> None:
    call = planned_call("- stop_record_call\n- set: {done: 1}")
    assert (await run_plan(call.control())).ok
    assert call.session.scope["vars"] == {"done": 1}
    assert [e.ok for e in call.all(VerbDone)] == [False, True]


@virtual_time
async def test_a_step_the_policy_denies_is_on_record_and_the_plan_goes_on() -> None:
    call = planned_call("- connect: sip:evil@elsewhere.example\n- set: {done: 1}")
    await run_plan(call.control("dialplan", Policy(destinations=("sip:*@pbx.example",))))
    assert call.dialer.dialled == []
    decided = call.all(PolicyDecided)[0]
    assert (decided.verb, decided.allowed) == ("connect", False)
    assert "not an allowed destination" in decided.reason
    assert call.session.scope["vars"]["done"] == 1


@virtual_time
async def test_no_step_runs_after_the_caller_has_left() -> None:
    call = planned_call("- play: silence:60\n- set: {never: 1}")
    asyncio.get_running_loop().call_later(5, call.caller.hang_up_remotely)
    outcome = await run_plan(call.control())
    assert (outcome.ok, outcome.detail) == (False, "the caller hung up")
    assert asyncio.get_running_loop().time() < 6
    assert walked(call) == ["play"]
