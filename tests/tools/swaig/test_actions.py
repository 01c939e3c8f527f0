"""Actions on a talk, as both SDKs write them: data, steps, history, ears and voice."""

import asyncio
from typing import Any

import pytest
from signalwire.core.function_result import FunctionResult
from signalwire_agents.core.function_result import SwaigFunctionResult

from sipagent.agent.protocols import ToolCall
from sipagent.events import LanguageChanged
from sipagent.testing.fakes import ScriptedEars
from sipagent.testing.functions import URL, FunctionTalk, a_function_talk, answering
from sipagent.testing.virtual import virtual_time
from sipagent.tools.swaig.rules import Rules

#: of both packages
SDKS = pytest.mark.parametrize("made", [SwaigFunctionResult, FunctionResult], ids=["1.1", "3.7"])
Made = type[Any]
STEPS = {
    "default": {
        "steps": [{"name": "first", "text": "Begin."}, {"name": "second", "text": "Go on."}],
        "valid_contexts": ["other"],
    },
    "other": {"steps": [{"name": "there", "text": "Over there."}]},
}


@pytest.mark.swml("action", "set_global_data", "merged; later prompts and requests have it")
@pytest.mark.swml("action", "unset_global_data", "one key or several")
@pytest.mark.swml("action", "set_meta_data", "kept by token; the next request has it")
@pytest.mark.swml("action", "unset_meta_data", "one key or several")
@SDKS
@virtual_time
async def test_data_is_kept_for_the_call_and_for_the_functions_token(made: Made) -> None:
    first = made("kept").update_global_data({"a": 1, "b": {"c": 2}}).set_metadata({"n": 1, "m": 2})
    then = made("gone").remove_global_data(["a"]).remove_metadata("m")
    answers = {"f": [first.to_dict(), then.to_dict(), "done"]}
    async with a_function_talk(
        answers, {}, {"again": 1}, {"again": 2}, "Well.", prompt="You know ${global_data.b.c}."
    ) as talk:
        await talk.ask()
        assert talk.results == ["kept", "gone", "done"]
        _, second, third = talk.requests
        for request in (second, third):
            assert request["global_data"].pop("caller_id_number") == "alice"
            request["global_data"].pop("caller_id_name")
        assert (second["global_data"], second["meta_data"]) == (
            {"a": 1, "b": {"c": 2}},
            {"n": 1, "m": 2},
        )
        assert (third["global_data"], third["meta_data"]) == ({"b": {"c": 2}}, {"n": 1})
        assert talk.talk.conversation.prompt.startswith("You know 2.")


@pytest.mark.swml("action", "toggle_functions", "true, false or a number of uses; same token only")
@SDKS
@virtual_time
async def test_functions_are_toggled_among_those_of_one_token(made: Made) -> None:
    toggles = [
        {"function": "g", "active": False},
        {"function": "h", "active": 1},
        {"function": "stranger", "active": False},
    ]
    swaig = {
        "functions": [{"function": name, "web_hook_url": f"{URL}&n={name}"} for name in ("f", "g")]
        + [
            {"function": "h", "web_hook_url": URL, "active": False},
            {"function": "stranger", "web_hook_url": URL, "meta_data_token": "own"},
        ]
    }
    answers = {"f": [made("set").toggle_functions(toggles).to_dict()], "h": ["used"]}
    async with a_function_talk(answers, {}, [ToolCall("h", "h", {})], "Well.", swaig=swaig) as talk:
        await talk.ask()
        assert talk.talk.brain.offered == [
            ("f", "g", "stranger"),
            ("f", "h", "stranger"),
            ("f", "stranger"),
        ]
        assert any("stranger has another meta_data_token" in text for text in talk.warnings)


@pytest.mark.swml("action", "say", "in the agent's own voice, before the reply")
@SDKS
@virtual_time
async def test_say_is_heard_at_once(made: Made) -> None:
    async with answering(made("told").say("One moment please."), "Here it is.") as talk:
        await talk.ask(6000)
        assert [text for _, text in talk.talk.said] == ["One moment please.", "Here it is."]


@pytest.mark.swml("action", "change_step", "any step of the context")
@pytest.mark.swml("action", "change_context", "any context")
@SDKS
@virtual_time
async def test_steps_and_contexts_are_changed(made: Made) -> None:
    async with answering(made("on").swml_change_step("second"), contexts=STEPS) as talk:
        await talk.ask()
        assert "Current step: second" in talk.talk.conversation.prompt
    async with answering(made("on").swml_change_context("other"), contexts=STEPS) as talk:
        await talk.ask()
        assert "Current step: there" in talk.talk.conversation.prompt
    async with answering(made("on").swml_change_step("nowhere"), contexts=STEPS) as talk:
        await talk.ask()
        assert "change_step was not done: there is no nowhere" in talk.results[0]


@pytest.mark.swml("action", "context_switch", "a prompt alone, or consolidate and full_reset")
@SDKS
@virtual_time
async def test_a_context_switch_changes_the_prompt_and_what_is_remembered(made: Made) -> None:
    async with answering(made("on").switch_context("You are a pirate."), prompt="Be kind.") as talk:
        await talk.ask()
        assert talk.talk.conversation.prompt.startswith("You are a pirate.")
        assert talk.talk.conversation.messages[0].role == "caller"
    whole = made("on").switch_context("Pirate.", "Say ahoy.", full_reset=True)
    async with answering(whole, prompt="Be kind.") as talk:
        await talk.ask()
        assert [m.role for m in talk.talk.conversation.messages] == ["agent", "tool", "agent"]
        assert talk.results == ["on\nSay ahoy."]
    short = made("on").switch_context("Pirate.", consolidate=True)
    async with answering(short, prompt="Be kind.") as talk:
        await talk.ask()
        assert talk.talk.conversation.messages[0].text.startswith("said so far: ")


@pytest.mark.swml("action", "user_input", "answered as if the caller had said it")
@SDKS
@virtual_time
async def test_user_input_is_answered(made: Made) -> None:
    async with answering(made("ok").simulate_user_input("what is next"), "Done.", "This.") as talk:
        await talk.ask(5000)
        texts = [(m.role, m.text) for m in talk.talk.conversation.messages]
        assert ("caller", "what is next") in texts
        assert talk.talk.said[-1] == ("agent", "This.")


@pytest.mark.swml("action", "wait_for_user", "true, seconds, answer_first")
@SDKS
@virtual_time
async def test_the_agent_waits_for_the_caller(made: Made) -> None:
    async with answering(made("quiet").wait_for_user(), "Never said.") as talk:
        await talk.ask(60_000)
        assert talk.talk.said == []
    async with answering(made("quiet").wait_for_user(timeout=30), silence_seconds=(5,)) as talk:
        await talk.ask(29_000)
        assert talk.talk.said == []
        await asyncio.sleep(3)
        assert talk.talk.said == [("agent", "Are you still there?")]
    async with answering(made("first").wait_for_user(answer_first=True), "Take your time.") as talk:
        await talk.ask(60_000)
        assert talk.talk.said == [("agent", "Take your time.")]


@pytest.mark.swml("action", "back_to_back_functions", "false: no other tool in this turn")
@virtual_time
async def test_functions_in_a_row_can_be_forbidden() -> None:
    result = SwaigFunctionResult("one").add_action("back_to_back_functions", False)
    async with answering(result, "Enough.") as talk:
        await talk.ask()
        assert talk.talk.brain.offered == [("f",), ()]
    result = SwaigFunctionResult("one").add_action("back_to_back_functions", True)
    async with answering(result, "Enough.") as talk:
        await talk.ask()
        assert talk.talk.brain.offered == [("f",), ("f",)]


@pytest.mark.swml("action", "functions_on_speaker_timeout", "tools where the caller is silent")
@SDKS
@virtual_time
async def test_functions_are_offered_to_a_mind_that_speaks_to_a_silent_caller(made: Made) -> None:
    attention = {"after": 5, "prompt": "They are silent."}
    async with answering(made("ok").enable_functions_on_timeout(), attention=attention) as talk:
        await talk.ask(12_000)
        assert talk.talk.brain.offered[:3] == [("f",), ("f",), ("f",)]
    async with answering(made("ok"), attention=attention) as talk:
        await talk.ask(12_000)
        assert talk.talk.brain.offered[:3] == [("f",), ("f",), ()]


@pytest.mark.swml("action", "extensive_data", "read whole once, later its beginning")
@pytest.mark.swml("action", "replace_in_history", "a text, or nothing, in the place of both")
@SDKS
@virtual_time
async def test_results_are_remembered_as_the_function_wants(made: Made) -> None:
    async with answering(made("x" * 3000).enable_extensive_data()) as talk:
        await talk.ask()
        assert talk.results == ["x" * 3000]
        await talk.ask()
        assert talk.results == ["x" * 400 + " [...]"]
    async with answering(made("secret").replace_in_history("I looked it up.")) as talk:
        await talk.ask()
        await talk.ask()
        _, asked, *_ = talk.talk.brain.saw[-1]
        assert (asked.role, asked.text, asked.requests) == ("agent", "I looked it up.", ())
    async with answering(made("secret").replace_in_history(True)) as talk:
        await talk.ask()
        await talk.ask()
        assert not any(message.requests for message in talk.talk.brain.saw[-1])


@pytest.mark.swml("param", "swaig_allow_settings", "false: settings are not permitted")
@pytest.mark.swml("action", "settings", "hyphens or underscores, brought into bounds")
@SDKS
@virtual_time
async def test_settings_reach_the_model(made: Made) -> None:
    wanted = {"temperature": 1.9, "top-p": 0.2, "max-tokens": 99, "barge-confidence": 0.9, "x": 1}
    async with answering(made("set").update_settings(wanted)) as talk:
        await talk.ask()
        found = talk.talk.conversation.settings
        assert found == {"temperature": 1.5, "top_p": 0.2, "max_tokens": 99}
        assert any("there is no 'x'" in text for text in talk.warnings)
    async with answering(
        made("set").update_settings(wanted), rules=Rules(allow_settings=False)
    ) as talk:
        await talk.ask()
        assert talk.talk.conversation.settings == {}
        assert "settings is not permitted" in talk.results[0]


@pytest.mark.swml("param", "swaig_allow_swml", "false: no document of a function is run")
@pytest.mark.swml("param", "swaig_set_global_data", "false: functions do not change global data")
@SDKS
@virtual_time
async def test_what_a_plan_does_not_let_functions_do_is_not_done(made: Made) -> None:
    asked = made("ok").execute_swml({"sections": {"main": [{"set": {"x": 1}}]}})
    asked.update_global_data({"y": 2})
    rules = Rules(allow_swml=False, set_global_data=False)
    async with answering(asked, rules=rules) as talk:
        await talk.ask()
        assert "x" not in talk.scope["vars"]
        assert "y" not in talk.scope.get("global_data", {})
        assert "SWML is not permitted" in talk.results[0]
        assert "set_global_data is not permitted" in talk.results[0]


@pytest.mark.swml("action", "add_dynamic_hints", "words for the ears, and what they get wrong")
@pytest.mark.swml("action", "clear_dynamic_hints", "only those that were added")
@SDKS
@virtual_time
async def test_hints_put_right_what_the_ears_get_wrong(made: Made) -> None:
    hints = ["Cabby", {"pattern": "cab bee", "replace": "Cabby", "ignore_case": True}]
    heard = ScriptedEars("I want a Cab Bee", "a cab bee please")
    answers = {
        "f": [
            made("know").add_dynamic_hints(hints).to_dict(),
            made("gone").clear_dynamic_hints().to_dict(),
        ]
    }
    async with a_function_talk(answers, {}, "Yes?", {}, "Yes?", ears=heard) as talk:
        await talk.ask()
        await talk.talk.person.speak(400, then_quiet=4000)
        await talk.talk.person.speak(400, then_quiet=4000)
        callers = [m.text for m in talk.talk.conversation.messages if m.role == "caller"]
        assert callers == ["please", "I want a Cabby", "a cab bee please"]
        assert "Cabby" in heard.expected[0].phrases
        assert "Cabby" not in heard.expected[-1].phrases


@pytest.mark.swml("action", "end_of_speech_timeout", "ms of silence that end a turn")
@pytest.mark.swml("action", "speech_event_timeout", "ms after the newest words that end it")
@SDKS
@virtual_time
async def test_a_turn_ends_after_the_silence_that_the_function_wants(made: Made) -> None:
    heard = ScriptedEars("hello")
    result = made("slower").set_end_of_speech_timeout(3000).set_speech_event_timeout(900)
    async with answering(result, "Yes?", "Hello.", ears=heard) as talk:
        await talk.ask()
        await talk.talk.person.speak(400, then_quiet=2500)
        assert talk.talk.said == [("agent", "Yes?")]
        await asyncio.sleep(2)
        assert talk.talk.said[-1] == ("agent", "Hello.")


@pytest.mark.swml("action", "change_voice", "the vendor's name before it or not")
@virtual_time
async def test_the_voice_is_changed() -> None:
    async with answering(FunctionResult("ok").change_voice("elevenlabs.rachel")) as talk:
        await talk.ask()
        assert [e.voice for e in talk.talk.call.all(LanguageChanged)] == ["rachel"]
        assert {tongue.voice for tongue in talk.talk.mouth.tongues} == {"rachel"}


@pytest.mark.swml("action", "playback_bg", "under the agent's voice; `wait` asks nobody anything")
@pytest.mark.swml("action", "stop_playback_bg", "at once")
@SDKS
@virtual_time
async def test_a_file_plays_under_the_agents_voice(made: Made) -> None:
    file = "silence:40"
    play = made("on").play_background_file(file, wait=True)
    async with answering(play, "Listen.", silence_seconds=(5,)) as talk:
        await talk.ask(30_000)
        assert talk.talk.said == [("agent", "Listen.")]
        await asyncio.sleep(20)
        assert talk.talk.said[1] == ("agent", "Are you still there?")


@SDKS
@virtual_time
async def test_a_file_is_stopped_by_a_function_and_with_the_talk(made: Made) -> None:
    play = made("on").play_background_file("la " * 600).to_dict()
    stop = made("off").stop_background_file().to_dict()
    async with a_function_talk({"f": [play, stop, play]}, {}, {"n": 2}, "No.", {"n": 3}) as talk:
        await talk.ask()
        assert talk.results == ["on", "off"]
        assert not await plays(talk)
        await talk.ask()
        assert await plays(talk)
        agent = talk.talk.call.session.live_agent
        assert agent is not None
        agent.leave()
        await talk.talk.end()
        assert not await plays(talk)


async def plays(talk: FunctionTalk) -> bool:
    """Does the caller hear anything in the next second?"""
    start = talk.talk.call.bridge.clock.t
    await asyncio.sleep(1)
    return any(talk.talk.person.heard_pcm(start + 200))
