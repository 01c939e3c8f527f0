"""The functions a SWML agent has of the server itself."""

import pytest

from sipagent.agent.natives.natives import Natives
from sipagent.agent.protocols import ToolCall
from sipagent.events import Warned
from sipagent.testing.fakes import ScriptedBrain, ScriptedEars
from sipagent.testing.talk import FakeTalk, a_talk
from sipagent.testing.virtual import virtual_time


def results(talk: FakeTalk) -> list[str]:
    return [m.text for m in talk.conversation.messages if m.role == "tool"]


@pytest.mark.swml("param", "SWAIG.native_functions.check_time", "the clock, in the agent's zone")
@pytest.mark.swml("param", "local_tz", "the zone in which check_time tells the time")
@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("US/Central", "It is Monday, 05 January 2026, 04:00:0"),
        (None, "It is Monday, 05 January 2026, 10:00:0"),
        ("Mars/Base", "It is Monday, 05 January 2026, 10:00:0"),
    ],
)
@virtual_time
async def test_the_clock_is_told_in_the_agents_time_zone(zone: str | None, told: str) -> None:
    brain = ScriptedBrain([ToolCall("1", "check_time", {})], "It is early.")
    natives = Natives(["check_time"], zone)
    async with a_talk(
        ears=ScriptedEars("what time is it"), brain=brain, sources=(natives,)
    ) as talk:
        await talk.until(1000)
        await talk.person.speak(400, then_quiet=2000)
        assert results(talk)[0].startswith(told)
        assert [event.code for event in talk.call.all(Warned)] == ["swml"] * (zone == "Mars/Base")


@pytest.mark.swml("param", "SWAIG.native_functions.wait_seconds", "silence, or until they speak")
@virtual_time
async def test_a_wait_ends_with_its_time_or_with_the_callers_first_word() -> None:
    wait = ToolCall("1", "wait_seconds", {"seconds": 20})
    for speaks, said, least, most in (
        (False, "20 seconds have passed.", 20_000, 21_500),
        (True, "The caller began to speak", 5_000, 6_500),
    ):
        brain = ScriptedBrain([wait], "Here I am.", "Yes?")
        async with a_talk(
            ears=ScriptedEars("hold on", "I am back"),
            brain=brain,
            sources=(Natives(["wait_seconds"]),),
            silence_seconds=[60],
        ) as talk:
            await talk.person.speak(400, then_quiet=1000)
            began = talk.call.bridge.clock.t
            if speaks:
                await talk.until(began + 5000)
                await talk.person.speak(400, then_quiet=1000)
            while not results(talk):
                await talk.until(talk.call.bridge.clock.t + 20)
            assert results(talk)[0].startswith(said)
            assert least - 1000 <= talk.call.bridge.clock.t - began <= most


@virtual_time
async def test_a_native_function_nobody_knows_is_on_record_and_a_wrong_wait_is_refused() -> None:
    brain = ScriptedBrain([ToolCall("1", "wait_seconds", {"seconds": 999})], "No.")
    natives = Natives(["wait_seconds", "fly"])
    async with a_talk(ears=ScriptedEars("wait"), brain=brain, sources=(natives,)) as talk:
        await talk.person.speak(400, then_quiet=2000)
        assert "less than or equal to 60" in results(talk)[0]
        assert brain.offered[0] == ("wait_seconds",)
        (warned,) = talk.call.all(Warned)
        assert "no native function 'fly'" in warned.detail


@pytest.mark.swml("param", "SWAIG.native_functions.wait_for_user", "silent until they speak")
@virtual_time
async def test_an_agent_that_waits_for_the_caller_says_nothing_and_asks_nothing() -> None:
    brain = ScriptedBrain([ToolCall("1", "wait_for_user", {})], "Welcome back.")
    async with a_talk(
        ears=ScriptedEars("let me look", "I am back"),
        brain=brain,
        sources=(Natives(["wait_for_user"]),),
        silence_seconds=[5],
    ) as talk:
        await talk.person.speak(400, then_quiet=30_000)
        assert talk.said == [("caller", "let me look")]
        await talk.person.speak(400, then_quiet=2000)
        assert talk.said[-1] == ("agent", "Welcome back.")


@pytest.mark.swml(
    "param", "SWAIG.native_functions.adjust_response_latency", "turns end later, or sooner"
)
@virtual_time
async def test_an_agent_asked_for_more_time_waits_longer_for_the_end_of_a_turn() -> None:
    slower = ToolCall("1", "adjust_response_latency", {"milliseconds": 3000})
    brain = ScriptedBrain([slower], "I will.", "Yes?")
    async with a_talk(
        ears=ScriptedEars("slow down", "well"),
        brain=brain,
        sources=(Natives(["adjust_response_latency"]),),
    ) as talk:
        await talk.person.speak(400, then_quiet=2500)
        assert talk.said[-1] == ("agent", "I will.")
        await talk.person.speak(400, then_quiet=2500)
        assert talk.said[-1] == ("agent", "I will.")
        await talk.until(talk.call.bridge.clock.t + 2000)
        assert talk.said[-1] == ("agent", "Yes?")


@pytest.mark.swml("param", "SWAIG.internal_fillers", "said before a tool of the server's own runs")
@virtual_time
async def test_a_filler_of_a_tool_of_ours_is_heard_in_the_callers_language() -> None:
    fillers = {"check_time": {"en": ["One look at the clock."], "es": ["Un momento."]}}
    for code, said in (("en-GB", "One look at the clock."), ("es-ES", "Un momento.")):
        brain = ScriptedBrain([ToolCall("1", "check_time", {})], "It is early.")
        async with a_talk(
            ears=ScriptedEars("what time is it"),
            brain=brain,
            sources=(Natives(["check_time"]),),
            swaig={"internal_fillers": fillers},
            languages=[{"name": "Any", "code": code}],
        ) as talk:
            await talk.person.speak(400, then_quiet=4000)
            assert talk.said[1:] == [("agent", said), ("agent", "It is early.")]
