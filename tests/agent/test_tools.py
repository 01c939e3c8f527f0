"""What the mind asks for, and what it is told."""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from sipagent.agent.conversation import Message
from sipagent.agent.limits import Limits
from sipagent.agent.protocols import Say, ToolCall
from sipagent.call.control import CallControl
from sipagent.call.policy import Policy
from sipagent.call.services import TalkEnd
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import ToolError
from sipagent.events import PolicyDecided, ToolCalled, ToolReturned, VerbDone, Warned
from sipagent.testing.fakes import BeepMouth, Line, Partial, Reply, ScriptedBrain, ScriptedEars
from sipagent.testing.talk import FakeTalk, a_talk
from sipagent.testing.virtual import virtual_time
from sipagent.tools.spec import Invoke, ToolResult, ToolSpec

CALL_SALES = ToolCall("c1", "ring", {"to": "sip:sales@pbx"})


class Ring(Verb):
    """Ring somebody."""

    name: ClassVar[str] = "ring"
    after_speech: ClassVar[bool] = True
    to: str

    @property
    def targets(self) -> tuple[str, ...]:
        return (self.to,)

    async def run(self, control: CallControl) -> Outcome:
        control.call.scope["vars"]["rang_at"] = control.call.bridge.clock.t
        return Outcome(detail="it rang", ends_talk=self.to.endswith("over@pbx"))


async def ring(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
    if "to" not in arguments:
        return ToolResult("to is required", ok=False)
    outcome = await control.do(Ring(to=arguments["to"]))
    return ToolResult(outcome.detail, outcome.ok, outcome.ends_talk)


def tool(name: str, invoke: Invoke, timeout: float | None = 10.0) -> ToolSpec:
    return ToolSpec(name, f"To {name}.", {"type": "object"}, invoke, timeout)


RING = tool("ring", ring, timeout=None)
POLICY = Policy(destinations=("sip:*@pbx",), confirm=frozenset({"ring"}))


def asking(*replies: Reply, ears: ScriptedEars | None = None, **more: Any) -> Any:
    """A talk whose caller is about to ask for something."""
    options: dict[str, Any] = {
        "brain": ScriptedBrain(*replies),
        "ears": ears or ScriptedEars("please"),
        "tools": [RING],
        "allowed": frozenset({"ring"}),
        "policy": Policy(destinations=("sip:*@pbx",)),
    }
    return a_talk(**options | more)


async def ask(talk: FakeTalk) -> None:
    await talk.until(100)
    await talk.person.speak(400, then_quiet=600)


def results(talk: FakeTalk) -> list[tuple[bool, str]]:
    return [(m.ok, m.text) for m in talk.conversation.messages if m.role == "tool"]


@virtual_time
async def test_a_tool_result_is_read_by_the_mind_before_it_goes_on() -> None:
    async with asking([Say("One moment."), CALL_SALES], "It rang.") as talk:
        await ask(talk)
        await talk.until(4000)
        roles = [m.role for m in talk.brain.saw[1]]
        assert roles == ["caller", "agent", "tool"]
        request, result = talk.brain.saw[1][1:]
        assert [r.id for r in request.requests] == ["c1"]
        assert (result.tool_call_id, result.tool, result.text) == ("c1", "ring", "it rang")
        assert talk.heard_words() == "One moment. It rang."
        assert [e.tool for e in talk.call.all(ToolCalled)] == ["ring"]
        assert [(e.ok, e.result) for e in talk.call.all(ToolReturned)] == [(True, "it rang")]


@virtual_time
async def test_a_verb_waits_until_what_was_said_has_been_heard() -> None:
    words = "one two three four five six seven eight."
    async with asking([Say(words), CALL_SALES]) as talk:
        await ask(talk)
        await talk.until(4000)
        last = max(f.t for f in talk.person.heard if "eight." in talk.mouth.text_in(f.pcm))
        assert talk.call.session.scope["vars"]["rang_at"] > last


@virtual_time
async def test_a_verb_does_not_wait_for_speech_without_end() -> None:
    words = " ".join(f"w{n}" for n in range(300))
    async with asking([Say(words), CALL_SALES], limits=Limits(speech_cap=4.0)) as talk:
        await ask(talk)
        began = talk.call.bridge.clock.t
        await talk.until(began + 8000)
        waited = talk.call.session.scope["vars"]["rang_at"] - began
        assert 3500 <= waited <= 4500


@virtual_time
async def test_the_model_is_told_when_policy_denies() -> None:
    call = ToolCall("c1", "ring", {"to": "sip:x@elsewhere.example"})
    async with asking([call]) as talk:
        await ask(talk)
        await talk.until(3000)
        assert results(talk) == [(False, "sip:x@elsewhere.example is not an allowed destination")]
        assert talk.brain.saw[1][-1].ok is False
        assert [e.ok for e in talk.call.all(VerbDone)] == [False]


@virtual_time
async def test_bad_arguments_come_back_as_words() -> None:
    malformed = ToolCall("c2", "ring", {"_malformed": "{to"})
    async with asking([ToolCall("c1", "ring", {})], [malformed]) as talk:
        await ask(talk)
        await talk.until(3000)
        assert [ok for ok, _ in results(talk)] == [False, False]
        assert results(talk)[0][1] == "to is required"
        assert "JSON" in results(talk)[1][1]
        assert talk.call.all(VerbDone) == []


@virtual_time
async def test_an_unknown_tool_is_answered_with_the_known_ones() -> None:
    async with asking([ToolCall("c1", "rnig", {})]) as talk:
        await ask(talk)
        await talk.until(3000)
        [(ok, text)] = results(talk)
        assert not ok and "rnig" in text and "ring" in text


@virtual_time
async def test_a_slow_tool_is_given_up_and_the_call_goes_on() -> None:
    async def slow(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        await asyncio.sleep(60)
        return ToolResult("too late")

    async with asking(
        [ToolCall("c1", "slow", {})], "It takes too long.", tools=[tool("slow", slow, 2.0)]
    ) as talk:
        await ask(talk)
        await talk.until(6000)
        [(ok, text)] = results(talk)
        assert not ok and "in time" in text
        assert talk.call.all(ToolReturned)[0].ms in (2000, 2020)
        assert talk.heard_words() == "It takes too long."


@virtual_time
async def test_a_tool_that_fails_says_why() -> None:
    async def broken(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        raise ToolError("the order book is closed")

    async with asking([ToolCall("c1", "book", {})], tools=[tool("book", broken)]) as talk:
        await ask(talk)
        await talk.until(3000)
        assert results(talk) == [(False, "the order book is closed")]


@virtual_time
async def test_tools_in_a_row_are_bounded_and_the_mind_must_then_speak() -> None:
    calls = [[ToolCall(f"c{n}", "ring", {"to": "sip:a@pbx"})] for n in range(3)]
    async with asking(*calls, "Enough.", max_tool_calls=3) as talk:
        await ask(talk)
        await talk.until(5000)
        assert talk.brain.offered == [("ring",), ("ring",), ("ring",), ()]
        assert talk.heard_words() == "Enough."


@virtual_time
async def test_a_mind_that_never_stops_asking_is_stopped() -> None:
    brain = ScriptedBrain(default=lambda _: [CALL_SALES])
    async with asking(brain=brain, max_tool_calls=2) as talk:
        await ask(talk)
        await talk.until(5000)
        assert [e.code for e in talk.call.all(Warned)] == ["too_many_tools"]
        assert len(brain.saw) == 3
        assert talk.heard_words().startswith("Sorry, something went wrong.")


@virtual_time
async def test_a_tool_can_end_the_talk_once_all_was_said() -> None:
    over = ToolCall("c1", "ring", {"to": "sip:over@pbx"})
    async with asking([Say("Good bye now."), over]) as talk:
        await ask(talk)
        assert await talk.end() == TalkEnd("done")
        assert talk.heard_words() == "Good bye now."


@virtual_time
async def test_the_caller_agrees_and_it_is_done() -> None:
    ears = ScriptedEars("please", "yes please")
    async with asking([CALL_SALES], ears=ears, policy=POLICY) as talk:
        await ask(talk)
        await talk.until(3000)
        assert talk.heard_words() == "Shall I go ahead with ring?"
        assert "yes" in (await answered(talk)).expected[-1].phrases
        assert results(talk) == [(True, "it rang")]
        assert [e.confirmed for e in talk.call.all(PolicyDecided)] == [None, True]
        assert len(talk.brain.saw) == 2


async def answered(talk: FakeTalk) -> ScriptedEars:
    await talk.person.speak(400, then_quiet=2000)
    return talk.ears


@virtual_time
async def test_the_caller_declines_and_the_model_is_told() -> None:
    async with asking([CALL_SALES], ears=ScriptedEars("please", "no wait"), policy=POLICY) as talk:
        await ask(talk)
        await talk.until(3000)
        await answered(talk)
        assert results(talk) == [(False, "the caller did not agree")]
        assert talk.brain.saw[1][-1].text == "the caller did not agree"
        assert "rang_at" not in talk.call.session.scope["vars"]


@virtual_time
async def test_silence_is_no_after_the_question_was_asked_twice() -> None:
    async with asking([CALL_SALES], policy=POLICY, silence_seconds=5.0) as talk:
        await ask(talk)
        await talk.until(20_000)
        assert talk.heard_words().count("Shall I go ahead with ring?") == 2
        assert results(talk) == [(False, "the caller did not agree")]


@virtual_time
async def test_anything_but_a_yes_is_asked_again_and_then_counts_as_no() -> None:
    ears = ScriptedEars("please", "what is the weather", "banana")
    async with asking([CALL_SALES], ears=ears, policy=POLICY) as talk:
        await ask(talk)
        await talk.until(3000)
        await answered(talk)
        await talk.until(7000)
        await answered(talk)
        assert talk.heard_words().count("Shall I go ahead with ring?") == 2
        assert results(talk) == [(False, "the caller did not agree")]
        assert [m.text for m in talk.brain.saw[1] if m.role == "caller"] == ["please"]


@virtual_time
async def test_a_key_confirms() -> None:
    async with asking([CALL_SALES], policy=POLICY) as talk:
        await ask(talk)
        await talk.until(3000)
        talk.person.press("1")
        await talk.until(6000)
        assert results(talk) == [(True, "it rang")]


@virtual_time
async def test_a_key_typed_before_the_question_does_not_confirm() -> None:
    async def later(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        await asyncio.sleep(1)
        return await ring(arguments, control)

    async with asking(
        [CALL_SALES], policy=POLICY, silence_seconds=3.0, tools=[tool("ring", later)]
    ) as talk:
        await ask(talk)
        talk.person.press("1")
        await talk.until(20_000)
        assert talk.heard_words().count("Shall I go ahead with ring?") == 2
        assert results(talk) == [(False, "the caller did not agree")]
        assert "rang_at" not in talk.call.session.scope["vars"]


@virtual_time
async def test_a_yes_said_before_the_question_was_heard_does_not_confirm() -> None:
    async def later(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        await asyncio.sleep(1)
        return await ring(arguments, control)

    ears = ScriptedEars("please", "yes")
    async with asking(
        [CALL_SALES], ears=ears, policy=POLICY, silence_seconds=3.0, tools=[tool("ring", later)]
    ) as talk:
        await ask(talk)
        await talk.until(1900)
        await talk.person.speak(260, then_quiet=1500)
        assert talk.heard_words().endswith("Shall I go ahead with ring?")
        await talk.until(20_000)
        assert results(talk) == [(False, "the caller did not agree")]
        assert "rang_at" not in talk.call.session.scope["vars"]
        texts = [m.text for m in talk.conversation.messages if m.role == "caller"]
        assert texts == ["please", "yes"]


@virtual_time
async def test_what_is_said_after_a_tool_follows_what_was_said_before_it() -> None:
    async def quick(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        return ToolResult("done")

    words = " ".join(f"w{n}" for n in range(40))
    async with asking(
        [Say(words), ToolCall("c1", "quick", {})],
        "And done.",
        tools=[tool("quick", quick)],
        mouth=BeepMouth(faults=[1.0]),
    ) as talk:
        await ask(talk)
        await talk.until(9000)
        assert talk.heard_words() == f"{words} And done."


@virtual_time
async def test_yes_over_the_question_is_an_answer() -> None:
    ears = ScriptedEars("please", Line("yes", partials=(Partial(100, "yes"),)))
    async with asking([CALL_SALES], ears=ears, policy=POLICY) as talk:
        await ask(talk)
        asked_at = talk.call.bridge.clock.t
        await talk.until(asked_at + 200)
        await answered(talk)
        assert results(talk) == [(True, "it rang")]
        assert talk.heard_words() != "Shall I go ahead with ring? Yes."


@virtual_time
async def test_the_caller_can_still_stop_what_has_not_begun() -> None:
    ears = ScriptedEars("please", Line("no wait", partials=(Partial(100, "no wait"),)))
    words = " ".join(f"w{n}" for n in range(20))
    async with asking([Say(words), CALL_SALES], "As you like.", ears=ears) as talk:
        await ask(talk)
        await talk.person.speak(500, then_quiet=2000)
        assert "rang_at" not in talk.call.session.scope["vars"]
        assert results(talk) == [(False, "This was not done: the caller spoke first.")]
        assert talk.brain.saw[1][-1] == Message("caller", "no wait")
        assert talk.heard_words().endswith("As you like.")


@virtual_time
async def test_a_tool_at_work_is_not_torn_down_by_the_caller_speaking() -> None:
    done: list[str] = []

    async def book(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        await asyncio.sleep(3)
        done.append("booked")
        return ToolResult("booked")

    ears = ScriptedEars("please", "are you there")
    async with asking(
        [ToolCall("c1", "book", {})], "I am here, and it is booked.", ears=ears,
        tools=[tool("book", book)],
    ) as talk:  # fmt: skip
        await ask(talk)
        await talk.person.speak(800, then_quiet=5000)
        assert done == ["booked"]
        assert [m.text for m in talk.brain.saw[1]] == ["please", "", "booked", "are you there"]
        assert talk.heard_words() == "I am here, and it is booked."


@virtual_time
async def test_a_mind_that_goes_round_in_circles_is_told_so() -> None:
    done: list[str] = []

    async def look(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        done.append(arguments["order"])
        return ToolResult("nothing found")

    again = [[ToolCall(f"c{n}", "look", {"order": "7"})] for n in range(3)]
    other = [ToolCall("c9", "look", {"order": "8"})]
    async with asking(*again, other, "I cannot find it.", tools=[tool("look", look)]) as talk:
        await ask(talk)
        await talk.until(4000)
        assert done == ["7", "7", "8"]
        refused = talk.call.all(ToolReturned)[2]
        assert not refused.ok and "2 times with these arguments already" in refused.result
        assert talk.heard_words() == "I cannot find it."
