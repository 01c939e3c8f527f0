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
