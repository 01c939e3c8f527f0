"""An agent gives the caller to another one of the plan."""

from sipagent.agent.protocols import Say, ToolCall
from sipagent.events import AgentChanged, ToolReturned
from sipagent.testing.agents import a_staged_call
from sipagent.testing.fakes import ScriptedBrain, ScriptedEars
from sipagent.testing.virtual import virtual_time

PLAN = """
agents:
  desk:
    brain: {provider: mind}
    tools: [hangup]
    hand_over: [sales, support]
    max_hand_overs: 2
    greeting: "Good morning."
  sales:
    brain: {provider: mind}
    description: "sells bicycles"
    hand_over: desk
    prompt: "You sell bicycles."
  support: {brain: {provider: mind}, greeting: "Support here."}
  owner: {brain: {provider: mind}, greeting: "No one is to get here."}
sections: {main: [{ai: desk}]}
"""


def to(agent: str, summary: str = "") -> ToolCall:
    arguments = {"agent": agent} | ({"summary": summary} if summary else {})
    return ToolCall(f"to-{agent}", "hand_over", arguments)


@virtual_time
async def test_the_next_agent_takes_over_with_what_the_last_one_knew() -> None:
    desk = ScriptedBrain([Say("I put you through."), to("sales", "Wants a red bicycle.")])
    sales = ScriptedBrain("A red one, yes.")
    ears = ScriptedEars("a red bicycle please")
    async with a_staged_call(PLAN, ears=ears, minds={"desk": desk, "sales": sales}) as staged:
        await staged.until(1000)
        assert await staged.answers() == "I put you through. A red one, yes."
        [changed] = staged.call.all(AgentChanged)
        assert (changed.before, changed.agent) == ("desk", "sales")
        assert changed.summary == "Wants a red bicycle."
        prompt = staged.talkers.agents[1].conversation.prompt
        assert prompt.startswith("You sell bicycles.")
        assert "You have taken over this call from desk." in prompt
        assert "Wants a red bicycle." in prompt
        assert [m.role for m in sales.saw[0]] == ["system"]
        assert sales.offered == [("hand_over",)]
        assert desk.offered == [("hangup", "hand_over")]


@virtual_time
async def test_without_a_summary_the_next_agent_reads_the_end_of_the_talk() -> None:
    desk = ScriptedBrain([to("support")])
    ears = ScriptedEars("it is broken")
    async with a_staged_call(PLAN, ears=ears, minds={"desk": desk}) as staged:
        await staged.until(1000)
        assert await staged.answers() == "Support here."
        [changed] = staged.call.all(AgentChanged)
        assert changed.summary == "agent: Good morning.\ncaller: it is broken"


@virtual_time
async def test_only_listed_agents_can_be_named_and_the_model_reads_which() -> None:
    desk = ScriptedBrain([to("owner")], "Then not.")
    ears = ScriptedEars("the owner please")
    async with a_staged_call(PLAN, ears=ears, minds={"desk": desk}) as staged:
        await staged.until(1000)
        assert await staged.answers() == "Then not."
        [returned] = staged.call.all(ToolReturned)
        assert (returned.ok, returned.result) == (
            False,
            "It can be handed over to: sales, support.",
        )
        assert staged.call.all(AgentChanged) == []


@virtual_time
async def test_two_agents_cannot_pass_a_caller_to_and_fro_for_ever() -> None:
    desk = ScriptedBrain(default=lambda conversation: [to("sales")])
    sales = ScriptedBrain(default=lambda conversation: [to("desk")])
    ears = ScriptedEars("hello", "hello")
    minds = {"desk": desk, "sales": sales}
    plan = PLAN.replace('greeting: "Good morning."', "max_tool_calls: 1")
    plan = plan.replace("hand_over: desk", "hand_over: desk\n    max_hand_overs: 2")
    async with a_staged_call(plan, ears=ears, minds=minds) as staged:
        await staged.until(1000)
        await staged.answers()
        assert [c.agent for c in staged.call.all(AgentChanged)] == ["sales", "desk"]
        refused = [r.result for r in staged.call.all(ToolReturned) if not r.ok]
        assert refused[0] == "The caller was handed over 2 times already: help them yourself."


@virtual_time
async def test_the_embedded_mind_hands_over_by_an_intent() -> None:
    plan = """
agents:
  desk:
    hand_over: [sales]
    intents:
      sales: {phrases: [sales please], say: "One moment.", do: {hand_over: sales}}
  sales:
    greeting: "This is sales, for ${call.from}."
    intents: {hours: {phrases: [when are you open], say: "Nine to five."}}
sections: {main: [{ai: desk}]}
"""
    ears = ScriptedEars("sales please", "when are you open")
    told = {"call": {"from": "alice"}}
    async with a_staged_call(plan, ears=ears, variables=told) as staged:
        await staged.until(1000)
        assert await staged.answers() == "One moment. This is sales, for alice."
        assert await staged.answers() == "Nine to five."


@virtual_time
async def test_what_is_unfilled_in_a_prompt_is_on_record_and_the_talk_goes_on() -> None:
    plan = PLAN.replace('"Good morning."', '"Good ${1 +}."')
    async with a_staged_call(plan) as staged:
        await staged.until(2000)
        assert staged.said == [("agent", "Good ${1 +}.")]


@virtual_time
async def test_a_prompt_is_filled_anew_at_every_turn_and_values_are_never_expressions() -> None:
    desk = ScriptedBrain("One.", "Two.")
    plan = PLAN.replace("tools: [hangup]", 'prompt: "Name: ${vars.name}."')
    ears = ScriptedEars("hello", "hello again")
    async with a_staged_call(plan, ears=ears, minds={"desk": desk}) as staged:
        await staged.until(1000)
        staged.variables["name"] = "Ann"
        await staged.answers()
        conversation = staged.talkers.agents[0].conversation
        assert conversation.prompt == "Name: Ann."
        staged.variables["name"] = "${envs.secret} %{1+1}"
        await staged.answers()
        assert conversation.prompt == "Name: ${envs.secret} %{1+1}."
