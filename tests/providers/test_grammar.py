"""The embedded ears on a telephone line: what they hear, what they refuse, how they share."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from sipagent.agent.protocols import Expectation, Transcript
from sipagent.media.frames import Frame
from sipagent.providers.certainty import HIGH, MIDDLE, Evidence, likeness
from sipagent.providers.decoders import KEPT, DecoderPair
from sipagent.providers.grammar import GrammarModels
from sipagent.providers.phrases import UnknownWords, unknown_words, words
from sipagent.testing.ears import as_audio, share, spoken, trimmed
from sipagent.testing.prompts import PROMPT_FOLDER, PROMPTS, prompt

PHRASES = (
    "What are your opening hours?",
    "Transfer me to sales",
    "sales please",
    "I'd like to speak to a human",
    "cancel my subscription",
    "I need technical support",
    "pay my bill",
    "book an appointment",
    "repeat that please",
    "yes please",
    "no thank you",
)
UNDECLARED = (
    "my internet is not working",
    "how much does it cost to deliver",
    "the weather was terrible yesterday",
    "I will call you back tomorrow",
    "track my package",
    "who is the president of the company",
    "close the window and open the door",
    "seven eight nine",
)
VOICES = ("en-us", "en-gb", "en-us+f3", "en-us+m3")


async def heard(
    models: GrammarModels, pcm: bytes, phrases: tuple[str, ...] = PHRASES
) -> list[Transcript]:
    ears = models.ears(8000)
    return [t async for t in ears.transcribe(as_audio(pcm), Expectation(phrases))]


async def final(
    models: GrammarModels, pcm: bytes, phrases: tuple[str, ...] = PHRASES
) -> tuple[str, float]:
    last = (await heard(models, pcm, phrases))[-1]
    assert last.final
    assert last.confidence is not None
    return last.text, last.confidence


@pytest.mark.parametrize("voice", VOICES)
async def test_declared_phrases_are_heard_as_they_were_written(
    models: GrammarModels, voice: str
) -> None:
    answers = [(p, *await final(models, await spoken(p, voice))) for p in PHRASES]
    assert share([phrase == text for phrase, text, _ in answers]) >= 0.8
    assert [a for a in answers if a[0] != a[1] and a[2] >= HIGH] == []
    assert share([sure >= MIDDLE for phrase, text, sure in answers if phrase == text]) >= 0.7


@pytest.mark.parametrize("voice", VOICES)
async def test_what_was_not_declared_is_hardly_ever_sure(models: GrammarModels, voice: str) -> None:
    answers = [await final(models, await spoken(p, voice)) for p in UNDECLARED]
    assert share([sure >= HIGH for _, sure in answers]) <= 1 / len(UNDECLARED)
    assert share([sure >= MIDDLE for _, sure in answers]) <= 2 / len(UNDECLARED)


@pytest.mark.skipif(not PROMPT_FOLDER.is_dir(), reason="asterisk-core-sounds-en-wav is absent")
async def test_a_human_voice_is_told_from_one_that_says_something_else(
    models: GrammarModels,
) -> None:
    names = sorted(PROMPTS)
    declared, others = names[:45:3], names[45::4]
    phrases = tuple(PROMPTS[name] for name in declared)
    right = [await final(models, trimmed(prompt(n)), phrases) for n in declared]
    hits = [t == p and s >= MIDDLE for (t, s), p in zip(right, phrases, strict=True)]
    assert share(hits) >= 0.85
    wrong = [await final(models, trimmed(prompt(n)), phrases) for n in others]
    assert share([sure >= HIGH for _, sure in wrong]) <= 0.12


@pytest.mark.parametrize("gain", [0.1, 0.3, 3.0])
async def test_a_quiet_or_loud_line_makes_no_difference(models: GrammarModels, gain: float) -> None:
    samples = np.frombuffer(await spoken("what are your opening hours", "en-us"), dtype="<i2")
    changed = np.clip(samples * gain, -32_768, 32_767).astype("<i2").tobytes()
    text, sure = await final(models, changed)
    assert text == PHRASES[0]
    assert sure >= MIDDLE


@pytest.mark.parametrize("level", [0, 30, 600])
async def test_noise_is_nothing(models: GrammarModels, level: int) -> None:
    noise = np.random.default_rng(3).standard_normal(16_000) * level
    assert await final(models, noise.astype("<i2").tobytes()) == ("", 0.0)


async def test_no_audio_at_all_is_nothing(models: GrammarModels) -> None:
    assert await final(models, b"") == ("", 0.0)


@pytest.mark.parametrize("phrases", [(), ("", "...")])
async def test_without_phrases_nothing_is_heard(
    models: GrammarModels, phrases: tuple[str, ...]
) -> None:
    transcripts = await heard(models, await spoken("pay my bill", "en-us"), phrases)
    assert transcripts == [Transcript("", final=True, confidence=0.0)]


async def test_partials_grow_and_a_whole_phrase_is_marked_complete(models: GrammarModels) -> None:
    pcm = await spoken("what are your opening hours", "en-us") + bytes(6400)
    *partials, last = await heard(models, pcm)
    assert partials
    assert not any(partial.final for partial in partials)
    assert [p.text for p in partials if p.complete][-1:] == [last.text] == [PHRASES[0]]


async def test_the_same_audio_is_heard_the_same_every_time(models: GrammarModels) -> None:
    pcm = await spoken("cancel my subscription", "en-us")
    once = await final(models, pcm)
    await final(models, await spoken("yes please", "en-us+f3"))
    assert await final(models, pcm) == once


async def test_unknown_words_are_named(models: GrammarModels) -> None:
    with pytest.raises(UnknownWords, match=r"zylophonic, brugnolini") as caught:
        await final(models, b"", ("call the zylophonic desk", "brugnolini"))
    assert caught.value.words == ("zylophonic", "brugnolini")
    assert not caught.value.retryable


def test_unknown_words_are_found_without_a_model() -> None:
    assert unknown_words(["Where's my order?", "the Zyx of zyx", "aaa"]) == ("zyx",)
    assert unknown_words([]) == ()


@pytest.mark.parametrize(
    ("phrase", "plain"),
    [
        ("What\u2019s the hold-up?", "what's the hold up"),
        ("Press 1, or 24", "press one or two four"),
        ("Un CAFÉ 'please'", "un cafe please"),
        ("!? -", ""),
    ],
)
def test_phrases_become_plain_words(phrase: str, plain: str) -> None:
    assert " ".join(words(phrase)) == plain


async def test_two_callers_of_one_process_take_turns(models: GrammarModels) -> None:
    alone = GrammarModels(pairs=1)
    sounds = [await spoken(p, "en-us") for p in ("pay my bill", "book an appointment")]
    answers = await asyncio.gather(*(final(alone, pcm) for pcm in sounds))
    assert [text for text, _ in answers] == ["pay my bill", "book an appointment"]


async def test_an_utterance_closed_in_the_middle_leaves_the_ears_usable(
    models: GrammarModels,
) -> None:
    pcm = await spoken("what are your opening hours", "en-us") + bytes(6400)
    early = models.ears(8000).transcribe(as_audio(pcm), Expectation(PHRASES))
    await anext(early)
    await early.aclose()  # type: ignore[attr-defined]
    assert (await final(models, pcm))[0] == PHRASES[0]


async def test_ears_whose_audio_fails_are_usable_again(models: GrammarModels) -> None:
    async def broken() -> AsyncIterator[Frame]:
        yield Frame(bytes(320))
        raise ConnectionError("the line went")

    with pytest.raises(ConnectionError):
        async for _ in models.ears(8000).transcribe(broken(), Expectation(PHRASES)):
            pass
    assert (await final(models, await spoken("pay my bill", "en-us")))[0] == "pay my bill"


def test_many_states_do_not_pile_up_grammars() -> None:
    pair = DecoderPair()
    for _ in range(2):
        for index in range(KEPT + 8):
            number = words(str(index))
            pair.start((number, ("goodbye",)))
            pair.feed(bytes(640))
            pair.finish()
            assert pair.match() is None
    assert len(pair.compiled) == KEPT


def test_confidence_follows_both_kinds_of_evidence() -> None:
    assert Evidence(0.0, 0.8).confidence > HIGH
    assert Evidence(-0.004, 0.1).confidence < MIDDLE
    assert Evidence(0.0, 0.5).confidence > Evidence(0.0, 0.3).confidence
    assert Evidence(0.0, 0.5).confidence > Evidence(-0.001, 0.5).confidence
    assert Evidence(-9.0, 0.0).confidence >= 0.0


def test_likeness_is_of_whole_phones() -> None:
    assert likeness(["S", "EY", "L", "Z"], ["S", "EY", "L", "Z"]) == 1.0
    assert likeness(["S", "EY", "L"], ["S", "EY", "L", "Z"]) == 0.75
    assert likeness([], ["S"]) == 0.0
