"""Providers that answer at once."""

from collections.abc import AsyncIterator

import numpy as np
import pytest

from sipagent.agent.conversation import Conversation, Message
from sipagent.agent.protocols import Brain, Expectation, Say, Synthesizer, Transcriber, Transcript
from sipagent.media.frames import Frame
from sipagent.providers.instant import InstantEars, InstantMind, InstantMouth, InstantOptions


async def _audio(frames: int) -> AsyncIterator[Frame]:
    for index in range(frames):
        yield Frame(bytes(320), index * 20)


async def _heard(ears: Transcriber, frames: int) -> list[Transcript]:
    return [t async for t in ears.transcribe(_audio(frames), Expectation())]


async def test_ears_hear_the_same_words_in_any_audio() -> None:
    ears = InstantEars(InstantOptions(hears="sales please"))
    assert await _heard(ears, 3) == [Transcript("sales please", final=True, confidence=1.0)]


async def test_ears_hear_nothing_where_there_was_no_audio() -> None:
    assert await _heard(InstantEars(), 0) == []


async def test_a_mind_answers_callers_and_nobody_else() -> None:
    mind: Brain = InstantMind(InstantOptions(says="Yes."))
    caller = Conversation([Message("caller", text="hello")])
    agent = Conversation([Message("agent", text="Yes.")])
    assert [part async for part in mind.reply(caller, ())] == [Say("Yes.")]
    assert [part async for part in mind.reply(agent, ())] == []


@pytest.mark.parametrize("rate", [8000, 16000])
async def test_a_mouth_makes_sound_for_each_word_at_its_rate(rate: int) -> None:
    mouth: Synthesizer = InstantMouth(rate, InstantOptions(word_ms=200))
    pcm = b"".join([chunk async for chunk in mouth.synthesize("three short words")])
    samples = np.frombuffer(pcm, "<i2").astype(float)
    assert samples.size == rate * 600 // 1000
    assert 1000 < np.sqrt(np.mean(samples**2)) < 10000
