"""Providers that do not stop: ears that flood, minds and mouths that go on and on."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sipagent.agent.babble import Answer
from sipagent.agent.failover import only
from sipagent.agent.protocols import Expectation, Say, Transcript
from sipagent.events import ProviderFailed, Warned
from sipagent.media.frames import Frame
from sipagent.testing.fakes import BeepMouth, Reply, ScriptedBrain, ScriptedEars
from sipagent.testing.talk import FakeTalk, Others, a_talk
from sipagent.testing.virtual import virtual_time


class FloodingEars(ScriptedEars):
    """Guess for ever at the first frame, or hear a book in a word."""

    def __init__(self, final: str = "") -> None:
        super().__init__()
        self.guesses = 0
        self._final = final

    async def transcribe(
        self, audio: AsyncIterator[Frame], expected: Expectation
    ) -> AsyncIterator[Transcript]:
        """See `Transcriber`."""
        async for _ in audio:
            while not self._final:
                self.guesses += 1
                yield Transcript("guess", final=False)
        yield Transcript(self._final, final=True)


class EndlessMouth(BeepMouth):
    """Never comes to an end, and never waits."""

    async def synthesize(self, text: str, *tongue: Any) -> Any:
        """See `Synthesizer`."""
        self.sentences.append(text)
        while True:
            yield b"\0\1" * 800


def failures(talk: FakeTalk) -> list[tuple[str, str]]:
    return [(e.role, e.then) for e in talk.call.all(ProviderFailed)]


def endless(sentence: str) -> Reply:
    return [Say(f"{sentence} ") for _ in range(5000)]


@virtual_time
async def test_a_mind_that_repeats_itself_is_cut() -> None:
    brain = ScriptedBrain(endless("I am not sure about that."), "Better now.")
    async with a_talk(ears=ScriptedEars("a", "b"), brain=brain) as talk:
        await talk.person.speak(500, then_quiet=4000)
        assert talk.heard_words() == "I am not sure about that. I am not sure about that."
        (warned,) = talk.call.all(Warned)
        assert warned.code == "answer_cut" and "says the same thing" in warned.detail
        await talk.person.speak(500, then_quiet=3000)
        assert talk.said[-1] == ("agent", "Better now.")


@virtual_time
async def test_a_mind_that_never_ends_is_cut_at_the_agents_bound() -> None:
    words: Reply = [Say(f"Number {n} it is. ") for n in range(5000)]
    async with a_talk(
        ears=ScriptedEars("a"), brain=ScriptedBrain(words), max_reply_characters=100
    ) as talk:
        await talk.person.speak(500, then_quiet=10_000)
        assert "longer than 100 characters" in talk.call.all(Warned)[0].detail
        spoken = [text for speaker, text in talk.said if speaker == "agent"]
        assert spoken == ["Number 0 it is. Number 1 it is. Number 2 it is. Number 3 it is. "
                          "Number 4 it is. Number 5 it is."]  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "cut"),
    [
        (["No. ", "No. ", "No. ", "No. "], False),
        (["Press one for sales. "] * 3, True),
        (["Press ", "one for sales. Pre", "ss one for sales. Press one for sales."], True),
        (["Press one for sales. ", "Press two for help. ", "Press one for sales. "], False),
        (["x" * 2001], True),
    ],
)
def test_an_answer_is_cut_where_it_goes_round_in_circles(texts: list[str], cut: bool) -> None:
    answer = Answer(2000)
    assert any(answer.goes_on(text) for text in texts) is cut


@virtual_time
async def test_a_mouth_that_never_ends_is_left_for_the_next() -> None:
    mouth = BeepMouth()
    others = Others(mouth=only(mouth, "spare"))
    async with a_talk(mouth=EndlessMouth(), others=others, greeting="One two.") as talk:
        await talk.until(15_000)
        assert failures(talk) == [("mouth", "next")]
        assert "samples and more for 8 characters" in talk.call.all(ProviderFailed)[0].cause
        assert talk.said == [("agent", "One two.")]
        assert mouth.text_in(talk.person.heard_pcm(0)).endswith("One two.")


@pytest.mark.parametrize("final", ["", "words " * 200], ids=["guesses", "a book"])
def test_ears_that_flood_are_left_for_the_next(final: str) -> None:
    @virtual_time
    async def run() -> None:
        ears = FloodingEars(final)
        others = Others(ears=only(ScriptedEars("hello"), "spare"))
        async with a_talk(ears=ears, others=others) as talk:
            await talk.person.speak(500, then_quiet=3000)
            assert failures(talk) == [("ears", "next")]
            assert talk.said == [("caller", "hello"), ("agent", "Yes.")]
            assert ears.guesses < 500

    run()
