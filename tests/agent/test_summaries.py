"""What is made of a talk when it is over."""

import json
from pathlib import Path
from typing import Any

from sipagent.agent.protocols import Say, ToolCall
from sipagent.errors import ProviderError
from sipagent.events import CallEnded, Summarised
from sipagent.store.bundle import write_bundle
from sipagent.testing.agents import StagedCall, a_staged_call
from sipagent.testing.fakes import ScriptedBrain, ScriptedEars
from sipagent.testing.virtual import virtual_time

PLAN = """
agents:
  desk:
    brain: {provider: mind}
    hand_over: sales
    summary:
      prompt: "What was it about?"
      timeout: 5
      SCHEMA
  sales: {brain: {provider: mind}}
sections: {main: [{ai: desk}]}
"""
SCHEMA = "{type: object, required: [topic], properties: {topic: {enum: [order, other]}}}"


def plan(schema: str = "") -> str:
    return PLAN.replace("SCHEMA", f"schema: {schema}" if schema else "")


def record(**facts: Any) -> ToolCall:
    return ToolCall("r", "record", facts)


async def over(staged: StagedCall) -> Summarised:
    """Let the caller hang up; what was made of the talk."""
    staged.call.caller.hang_up_remotely()
    await staged.running
    await staged.call.session.end()
    [summarised] = staged.call.all(Summarised)
    return summarised


@virtual_time
async def test_a_talk_is_summarised_when_the_caller_hung_up_and_the_legs_do_not_wait() -> None:
    scribe = ScriptedBrain([2.0, Say("It was about an order.")])
    minds = {"desk": ScriptedBrain("It is on its way."), "summary": scribe}
    async with a_staged_call(plan(), ears=ScriptedEars("my order"), minds=minds) as staged:
        await staged.until(500)
        await staged.answers()
        left = staged.call.bridge.clock.t
        summarised = await over(staged)
        assert (summarised.ok, summarised.text) == (True, "It was about an order.")
        assert (summarised.agent, summarised.provider) == ("desk", "summary")
        assert 2000 <= summarised.t - left <= 2100
        assert isinstance(staged.call.events[-1], CallEnded)
        transcript = scribe.saw[0][0].text
        assert "caller: my order\nagent: It is on its way." in transcript


@virtual_time
async def test_facts_that_do_not_fit_the_schema_are_asked_for_once_more() -> None:
    scribe = ScriptedBrain([record(topic="weather")], [Say("About it."), record(topic="order")])
    minds = {"desk": ScriptedBrain("Yes."), "summary": scribe}
    async with a_staged_call(plan(SCHEMA), ears=ScriptedEars("my order"), minds=minds) as staged:
        await staged.until(500)
        await staged.answers()
        summarised = await over(staged)
        assert summarised.ok
        assert (summarised.text, summarised.data) == ("About it.", {"topic": "order"})
        assert scribe.offered == [("record",), ("record",)]
        assert "'weather' is not one of ['order', 'other']" in scribe.saw[1][-1].text


@virtual_time
async def test_facts_written_as_text_count_too() -> None:
    scribe = ScriptedBrain('Here you are: {"topic": "other"}')
    minds = {"desk": ScriptedBrain("Yes."), "summary": scribe}
    async with a_staged_call(plan(SCHEMA), ears=ScriptedEars("my order"), minds=minds) as staged:
        await staged.until(500)
        await staged.answers()
        assert (await over(staged)).data == {"topic": "other"}


@virtual_time
async def test_why_there_is_no_summary_is_on_record() -> None:
    wrong = record(topic="weather")
    for script, cause in (
        ([[wrong], [wrong]], "the facts do not fit the schema: topic: 'weather' is not one of"),
        ([[99.0]], "no summary within 5 s"),
        ([[ProviderError("summary", "no key", retryable=False)]], "no key"),
    ):
        minds = {"desk": ScriptedBrain("Yes."), "summary": ScriptedBrain(*script)}
        ears = ScriptedEars("my order")
        async with a_staged_call(plan(SCHEMA), ears=ears, minds=minds) as staged:
            await staged.until(500)
            await staged.answers()
            summarised = await over(staged)
            assert (summarised.ok, summarised.data) == (False, {})
            assert summarised.error.startswith(cause)


@virtual_time
async def test_a_server_that_goes_down_waits_no_longer_than_it_must() -> None:
    minds = {"desk": ScriptedBrain("Yes."), "summary": ScriptedBrain([99.0])}
    text = plan().replace("timeout: 5", "timeout: 30")
    async with a_staged_call(text, ears=ScriptedEars("my order"), minds=minds) as staged:
        await staged.until(500)
        await staged.answers()
        staged.call.caller.hang_up_remotely()
        await staged.running
        left = staged.call.bridge.clock.t
        staged.call.session.afterwork.hurry()
        await staged.call.session.end()
        assert staged.call.all(Summarised) == []
        assert staged.call.events[-1].t - left <= 4_100


@virtual_time
async def test_a_caller_who_said_nothing_costs_no_summary() -> None:
    scribe = ScriptedBrain()
    async with a_staged_call(plan(), minds={"summary": scribe}) as staged:
        await staged.until(1000)
        staged.call.caller.hang_up_remotely()
        await staged.running
        await staged.call.session.end()
        assert scribe.saw == []
        assert staged.call.all(Summarised) == []


@virtual_time
async def test_one_summary_is_made_of_a_talk_with_two_agents(tmp_path: Path) -> None:
    scribe = ScriptedBrain("They want a bicycle.")
    to_sales = ToolCall("1", "hand_over", {"agent": "sales", "summary": "wants a bicycle"})
    minds = {
        "desk": ScriptedBrain([Say("One moment."), to_sales]),
        "sales": ScriptedBrain("A red one?"),
        "summary": scribe,
    }
    ears = ScriptedEars("a bicycle please", "yes")
    async with a_staged_call(plan(), ears=ears, minds=minds) as staged:
        await staged.until(500)
        await staged.answers()
        await staged.answers()
        await over(staged)
        lines = scribe.saw[0][0].text.splitlines()
        assert "caller: a bicycle please" in lines
        assert lines.index("agent: A red one?") > lines.index("agent: One moment.")
        write_bundle(tmp_path, staged.call.events)
        kept = json.loads((tmp_path / "summary.json").read_text())
        assert kept == {"desk": {"text": "They want a bicycle.", "data": {}}}
