"""Lists of providers: when one fails the next takes over, and the caller hears nothing of it."""

import asyncio
import math
from typing import Any

import pytest

from sipagent.agent.failover import COOL_DOWN, Candidate, only
from sipagent.agent.limits import Limits
from sipagent.agent.protocols import Say, Synthesizer
from sipagent.agent.spec import AgentSpec
from sipagent.call.services import TalkEnd
from sipagent.errors import ProviderError
from sipagent.events import ProviderFailed
from sipagent.testing.fakes import BeepMouth, Line, ScriptedBrain, ScriptedEars
from sipagent.testing.talk import FakeTalk, Others, a_talk
from sipagent.testing.virtual import run_virtual, virtual_time

BROKEN = ProviderError("vendor", "no such key", retryable=False)
FLAKY = ProviderError("vendor", "connection reset")


def failures(talk: FakeTalk) -> list[tuple[str, str, str]]:
    return [(e.role, e.then, e.next) for e in talk.call.all(ProviderFailed)]


class BreakingMouth(BeepMouth):
    """Breaks off after so many bytes of a sentence; `slow` real seconds between chunks."""

    def __init__(self, after: int, *, slow: float = 0.0) -> None:
        super().__init__()
        self._after = after
        self._slow = slow

    async def synthesize(self, text: str, *tongue: Any) -> Any:
        """See `Synthesizer`."""
        sent = 0
        async for chunk in super().synthesize(text, *tongue):
            if sent >= self._after:
                raise FLAKY
            sent += len(chunk)
            yield chunk
            if self._slow:
                await asyncio.sleep(self._slow)


@pytest.mark.parametrize("fault", [BROKEN, math.inf])
def test_the_next_mind_answers_the_same_turn(fault: Exception | float) -> None:
    async def run() -> None:
        spare = ScriptedBrain("Nine to five.", "Goodbye.")
        others = Others(brain=only(spare, "spare"))
        async with a_talk(
            ears=ScriptedEars("hello", "bye"),
            brain=ScriptedBrain([fault]),
            others=others,
            limits=Limits(first_token=1.0),
        ) as talk:
            await talk.person.speak(500, then_quiet=4000)
            assert failures(talk) == [("mind", "next", "spare")]
            assert talk.heard_words() == "Nine to five."
            assert [m.text for m in spare.saw[0]] == ["hello"]
            await talk.person.speak(500, then_quiet=3000)
            # it stays in force: nobody waits for the broken one again
            assert talk.heard_words() == "Nine to five. Goodbye."
            assert len(talk.brain.saw) == 1

    run_virtual(run())


@virtual_time
async def test_a_mind_that_may_recover_is_asked_once_more_before_the_next() -> None:
    others = Others(brain=only(ScriptedBrain("Here."), "spare"))
    brain = ScriptedBrain([FLAKY], [FLAKY])
    async with a_talk(ears=ScriptedEars("hello"), brain=brain, others=others) as talk:
        await talk.person.speak(500, then_quiet=3000)
        assert failures(talk) == [("mind", "retry", ""), ("mind", "next", "spare")]
        assert talk.heard_words() == "Here."


@virtual_time
async def test_a_mind_that_breaks_off_costs_one_apology_and_the_next_takes_over() -> None:
    spare = ScriptedBrain("Here.")
    brain = ScriptedBrain([Say("One two. "), FLAKY])
    async with a_talk(
        ears=ScriptedEars("hello", "again"),
        brain=brain,
        others=Others(brain=only(spare, "spare")),
        apology="Sorry.",
    ) as talk:
        await talk.person.speak(500, then_quiet=3000)
        await talk.person.speak(500, then_quiet=3000)
        assert failures(talk) == [("mind", "apology", "")]
        assert talk.heard_words() == "One two. Sorry. Here."
        assert len(brain.saw) == 1


@virtual_time
async def test_a_provider_is_tried_again_once_it_has_cooled_down() -> None:
    brain = ScriptedBrain([BROKEN], "Back again.")
    spare = ScriptedBrain("One.", [BROKEN])
    async with a_talk(
        ears=ScriptedEars("a", "b"), brain=brain, others=Others(brain=only(spare, "spare"))
    ) as talk:
        await talk.person.speak(500, then_quiet=3000)
        await talk.until(int(COOL_DOWN * 1000) + 2000)
        await talk.person.speak(500, then_quiet=3000)
        assert failures(talk) == [("mind", "next", "spare"), ("mind", "next", "intents")]
        assert talk.said[-1] == ("agent", "Back again.")


@virtual_time
async def test_when_all_have_failed_the_caller_is_told_and_then_handed_on() -> None:
    others = Others(brain=only(ScriptedBrain([BROKEN], [BROKEN]), "spare"))
    async with a_talk(
        ears=ScriptedEars("a", "b"),
        brain=ScriptedBrain([BROKEN], [BROKEN]),
        others=others,
        apology="Sorry.",
        fallback="person",
    ) as talk:
        await talk.person.speak(500, then_quiet=3000)
        assert talk.heard_words() == "Sorry."
        await talk.person.speak(500, then_quiet=3000)
        assert await talk.end() == TalkEnd("failed", "person")
        assert [then for _, then, _ in failures(talk)] == ["next", "apology", "fallback"]


@pytest.mark.parametrize("fault", [BROKEN, math.inf])
def test_the_next_ears_are_given_the_whole_turn(fault: Exception | float) -> None:
    async def run() -> None:
        ears, spare = ScriptedEars(Line("", fault=fault)), ScriptedEars("hello", "bye")
        async with a_talk(ears=ears, others=Others(ears=only(spare, "spare"))) as talk:
            await talk.until(500)
            await talk.person.speak(500, then_quiet=8000)
            assert failures(talk) == [("ears", "next", "spare")]
            assert spare.heard[0] == ears.heard[0]
            assert ("caller", "hello") in talk.said
            await talk.person.speak(500, then_quiet=3000)
            assert talk.said[-2] == ("caller", "bye")
            assert len(ears.heard) == 1

    run_virtual(run())


@virtual_time
async def test_a_sentence_that_nobody_heard_yet_is_said_by_the_next_mouth_from_its_start() -> None:
    mouth = BeepMouth()
    others = Others(mouth=only(mouth, "spare"))
    async with a_talk(
        mouth=BreakingMouth(1000), others=others, greeting="one two three four"
    ) as talk:
        await talk.until(2000)
        assert failures(talk) == [("mouth", "next", "spare")]
        assert mouth.text_in(talk.person.heard_pcm(0)) == "one two three four"
        assert talk.said == [("agent", "one two three four")]


@virtual_time
async def test_a_sentence_that_breaks_off_while_it_is_heard_is_said_anew_after_a_gap() -> None:
    mouth = BeepMouth()
    breaking = BreakingMouth(3000, slow=0.06)
    others = Others(mouth=only(mouth, "spare"))
    async with a_talk(mouth=breaking, others=others, greeting="one two three four") as talk:
        await talk.until(3000)
        assert failures(talk) == [("mouth", "next", "spare")]
        heard = mouth.text_in(talk.person.heard_pcm(0))
        assert heard.startswith("one two") and heard.endswith(" one two three four")
        assert talk.said == [("agent", "one two three four")]


@virtual_time
async def test_a_mouth_without_a_sound_is_no_silence() -> None:
    mute = BeepMouth(ms_per_word=0)
    mouth = BeepMouth()
    async with a_talk(
        mouth=mute, others=Others(mouth=only(mouth, "spare")), greeting="Hello."
    ) as talk:
        await talk.until(1000)
        assert failures(talk) == [("mouth", "retry", ""), ("mouth", "next", "spare")]
        assert "no sound at all" in talk.call.all(ProviderFailed)[0].cause
        assert mouth.text_in(talk.person.heard_pcm(0)) == "Hello."


@virtual_time
async def test_a_provider_that_cannot_be_made_is_passed_over() -> None:
    def refuse() -> Synthesizer:
        raise ProviderError("second", "no API key", retryable=False)

    mouth = BeepMouth()
    others = Others(mouth=(Candidate("second", refuse), *only(mouth, "third")))
    async with a_talk(mouth=BeepMouth(faults=[BROKEN]), others=others, greeting="Hello.") as talk:
        await talk.until(1000)
        assert failures(talk) == [("mouth", "next", "second"), ("mouth", "next", "third")]
        assert mouth.text_in(talk.person.heard_pcm(0)) == "Hello."


def test_an_agent_takes_one_provider_or_a_list() -> None:
    one = AgentSpec.model_validate({"brain": {"provider": "a", "model": "x"}})
    several = AgentSpec.model_validate({"brain": [{"provider": "a"}, {"provider": "b"}]})
    assert [(r.provider, r.options) for r in one.brain] == [("a", {"model": "x"})]
    assert [r.provider for r in several.brain] == ["a", "b"]
    assert [r.provider for r in one.ears] == ["grammar"]
