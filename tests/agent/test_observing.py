"""What is kept of a talk while it goes on: the log that functions and reports are given."""

from collections.abc import Mapping, Sequence
from typing import Any

from sipagent.agent.protocols import Say, ToolCall
from sipagent.call.control import CallControl
from sipagent.call.privacy import Privacy
from sipagent.testing.fakes import ScriptedBrain, ScriptedEars
from sipagent.testing.leaks import tells
from sipagent.testing.talk import FakeTalk, a_talk
from sipagent.testing.virtual import virtual_time
from sipagent.tools.spec import ToolResult, ToolSpec


async def _price(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
    return ToolResult(f"{arguments['item']}: 12 euros")


PRICE = ToolSpec("price", "What a thing costs.", {"type": "object"}, _price)


class Asking:
    """Somebody who may ask for the log."""

    def open(self, control: CallControl) -> None: ...

    def offered(self) -> Sequence[ToolSpec]:
        return ()

    async def close(self) -> None: ...


ASKING = (Asking(),)


def log(talk: FakeTalk) -> list[dict[str, Any]]:
    return talk.agent.log.call_log()


@virtual_time
async def test_the_log_tells_who_said_what_when_and_how_fast() -> None:
    brain = ScriptedBrain([Say("Let me see."), ToolCall("1", "price", {"item": "hat"})], "Twelve.")
    async with a_talk(
        sources=ASKING,
        ears=ScriptedEars("how much"),
        brain=brain,
        tools=(PRICE,),
        prompt="You sell hats.",
    ) as talk:
        await talk.until(1000)
        await talk.person.speak(400, then_quiet=3000)
        system, user, asked, tool, answer = log(talk)
        assert (system["role"], system["content"]) == ("system", "You sell hats.")
        assert (user["role"], user["content"]) == ("user", "how much")
        spoke_for = user["end_timestamp"] - user["start_timestamp"]
        assert 300_000 <= spoke_for <= 2_000_000
        assert asked["content"] == "Let me see."
        assert 0 <= asked["latency"] <= asked["utterance_latency"] <= asked["audio_latency"]
        (request,) = asked["tool_calls"]
        assert request["function"] == {"name": "price", "arguments": '{"item": "hat"}'}
        assert (tool["tool_call_id"], tool["function_name"]) == ("1", "price")
        assert tool["content"] == "hat: 12 euros"
        assert (answer["role"], answer["content"]) == ("assistant", "Twelve.")
        stamps = [entry["timestamp"] for entry in (user, asked, tool, answer)]
        assert stamps == sorted(stamps)
        assert stamps[0] > 1_600_000_000_000_000


@virtual_time
async def test_an_answer_that_was_cut_says_what_was_heard_of_it() -> None:
    words = "This is a very long answer about hats, and it goes on and on and on."
    async with a_talk(
        sources=ASKING,
        ears=ScriptedEars("how much", "stop that please"),
        brain=ScriptedBrain(words, "Fine."),
    ) as talk:
        await talk.until(1000)
        await talk.person.speak(400, then_quiet=1200)
        await talk.person.speak(900, then_quiet=2000)
        barged = next(entry for entry in log(talk) if entry.get("barged"))
        assert words.startswith(barged["text_heard_approx"])
        assert barged["text_spoken_total"] == words
        assert barged["barge_elapsed_ms"] > 0
        later = [entry for entry in log(talk) if entry["role"] == "user"][1]
        assert later["barge_count"] == 1


@virtual_time
async def test_what_the_call_redacts_is_not_in_its_log() -> None:
    said = "my card is 4111 1111 1111 1111"
    brain = ScriptedBrain([ToolCall("1", "price", {"item": said})], "You said 4111111111111111.")
    async with a_talk(
        sources=ASKING,
        ears=ScriptedEars(said),
        brain=brain,
        tools=(PRICE,),
        privacy=Privacy(redact=("card_numbers",)),
    ) as talk:
        await talk.until(1000)
        await talk.person.speak(400, then_quiet=3000)
        talk.agent.log.function_called({"command_name": "price", "command_arg": said})
        assert not tells("4111", log(talk), talk.agent.log.functions())
        assert tells("4111", talk.conversation.messages)


@virtual_time
async def test_what_the_mind_was_made_to_forget_is_in_the_raw_log_alone() -> None:
    ears = ScriptedEars("first", "second")
    async with a_talk(sources=ASKING, ears=ears, brain=ScriptedBrain("One.", "Two.")) as talk:
        await talk.until(1000)
        await talk.person.speak(400, then_quiet=2000)
        talk.conversation.forget()
        await talk.person.speak(400, then_quiet=2000)
        assert [entry["content"] for entry in log(talk)] == ["second", "Two."]
        raw = [entry["content"] for entry in talk.agent.log.raw_call_log()]
        assert raw == ["first", "One.", "second", "Two."]
        (before,) = talk.agent.log.previous_contexts()
        assert [entry["content"] for entry in before] == ["first", "One."]


@virtual_time
async def test_keys_stand_in_the_log_unless_nobody_is_to_know_them() -> None:
    for rules, told in (((), "[keys pressed: 12]"), (("keys",), "[keys pressed: **]")):
        privacy = Privacy.model_validate({"redact": rules})
        async with a_talk(sources=ASKING, brain=ScriptedBrain("Fine."), privacy=privacy) as talk:
            await talk.until(500)
            talk.person.press("12")
            await talk.until(4000)
            assert [entry["content"] for entry in log(talk)] == [told, "Fine."]
