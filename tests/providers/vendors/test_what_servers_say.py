"""Whatever a server says: a transcript, sound, nothing, or a plain ProviderError; no crash."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from sipagent.agent.protocols import OWN_TONGUE, Expectation, Transcript
from sipagent.agent.spec import AgentSpec
from sipagent.errors import ProviderError
from sipagent.providers.kit import Kit
from sipagent.providers.vendors.account import Account
from sipagent.providers.vendors.assemblyai import AssemblyAI, AssemblyAIOptions
from sipagent.providers.vendors.cartesia import Cartesia, CartesiaOptions
from sipagent.providers.vendors.cartesia_ink import Ink, InkOptions
from sipagent.providers.vendors.deepgram_aura import Aura, AuraOptions
from sipagent.providers.vendors.deepgram_flux import Flux, FluxOptions
from sipagent.providers.vendors.deepgram_nova import Nova, NovaOptions
from sipagent.providers.vendors.elevenlabs import ElevenLabs, ElevenLabsOptions
from sipagent.providers.vendors.elevenlabs_scribe import Scribe, ScribeOptions
from sipagent.providers.vendors.streamed_ears import HeardUtterance
from sipagent.providers.vendors.streamed_mouth import Sound, SpokenSentence

ACCOUNT = Account("hosted", "wss://vendor.example", "secret-key")
KIT = Kit(8000, AgentSpec(), None)
EARS: dict[str, Callable[[], HeardUtterance]] = {
    "nova": lambda: Nova(ACCOUNT, NovaOptions(), KIT).utterance(Expectation()),
    "flux": lambda: Flux(ACCOUNT, FluxOptions(), KIT).utterance(Expectation()),
    "scribe": lambda: Scribe(ACCOUNT, ScribeOptions(), KIT).utterance(Expectation()),
    "ink": lambda: Ink(ACCOUNT, InkOptions(), KIT).utterance(Expectation()),
    "assemblyai": lambda: AssemblyAI(ACCOUNT, AssemblyAIOptions(), KIT).utterance(Expectation()),
}
MOUTHS: dict[str, Callable[[], SpokenSentence]] = {
    "aura": lambda: Aura(ACCOUNT, AuraOptions(), 8000).sentence("hello", OWN_TONGUE),
    "elevenlabs": lambda: ElevenLabs(ACCOUNT, ElevenLabsOptions(voice_id="r"), KIT).sentence(
        "hello", OWN_TONGUE
    ),
    "cartesia": lambda: Cartesia(ACCOUNT, CartesiaOptions(voice_id="k"), KIT).sentence(
        "hello", OWN_TONGUE
    ),
}

WORDS = [
    "Results",
    "TurnInfo",
    "Turn",
    "transcript",
    "flush_done",
    "UtteranceEnd",
    "Error",
    "error",
    "Warning",
    "Flushed",
    "Cleared",
    "partial_transcript",
    "committed_transcript",
    "commit_throttled",
    "auth_error",
    "chunk",
    "done",
    "s1",
    "EndOfTurn",
    "StartOfTurn",
    "ConfigureFailure",
    "Metadata",
    "secret-key",
    "aGVsbG8=",
]
KEYS = [
    "type",
    "message_type",
    "event",
    "channel",
    "alternatives",
    "transcript",
    "text",
    "words",
    "confidence",
    "is_final",
    "from_finalize",
    "speech_final",
    "turn_order",
    "end_of_turn",
    "error",
    "error_code",
    "description",
    "code",
    "title",
    "message",
    "status_code",
    "context_id",
    "contextId",
    "audio",
    "data",
    "isFinal",
    "done",
    "variant",
    "turn_is_formatted",
]
PLAIN: tuple[Any, ...] = (None, True, False, 0, -1, 0.5, 401, 10**30, "", "\x00")


def value(chance: Random, depth: int = 2) -> Any:
    """Anything that JSON can say, and rather something that the protocols do."""
    kind = chance.randrange(6 if depth else 4)
    if kind == 4:
        return [value(chance, depth - 1) for _ in range(chance.randrange(3))]
    if kind == 5:
        return {chance.choice(KEYS): value(chance, depth - 1) for _ in range(chance.randrange(4))}
    return chance.choice(WORDS if kind else PLAIN)


def messages(chance: Random) -> list[Any]:
    """Some messages."""
    several: list[Any] = []
    for _ in range(chance.randrange(7)):
        fields = {chance.choice(KEYS): value(chance) for _ in range(chance.randrange(8))}
        kinds = {name: chance.choice(WORDS) for name in KEYS[:3]}
        several.append(chance.randbytes(5) if chance.random() < 0.05 else {**fields, **kinds})
    return several


@pytest.mark.parametrize("name", EARS)
@pytest.mark.parametrize("seed", range(10))
def test_ears_give_texts_or_fail_plainly(name: str, seed: int) -> None:
    chance = Random(seed)
    for _ in range(100):
        listen(EARS[name](), messages(chance), messages(chance))


def listen(utterance: HeardUtterance, before: list[Any], after: list[Any]) -> None:
    try:
        for message in before:
            heard = utterance.hear(message)
            assert heard is None or not heard.final
        assert all(isinstance(out, str | bytes) for out in utterance.end())
        assert 0 <= utterance.wait(2.0) <= 2.0
        for message in after:
            heard = utterance.hear(message)
            assert heard is None or isinstance(heard, Transcript)
        assert utterance.so_far() is None or isinstance(utterance.so_far(), Transcript)
    except ProviderError as error:
        assert error.provider == "hosted"
        assert "secret-key" not in str(error)


@pytest.mark.parametrize("name", MOUTHS)
@pytest.mark.parametrize("seed", range(10))
def test_mouths_give_sound_or_fail_plainly(name: str, seed: int) -> None:
    chance = Random(seed)
    for _ in range(100):
        speak(MOUTHS[name](), messages(chance), messages(chance))


def speak(sentence: SpokenSentence, before: list[Any], after: list[Any]) -> None:
    try:
        for message in before:
            assert isinstance(sentence.hear(message), Sound | None)
        for out in sentence.cancel():
            json.loads(out)
        for message in after:
            assert isinstance(sentence.hear(message), Sound | None)
    except ProviderError as error:
        assert error.provider == "hosted"
        assert "secret-key" not in str(error)


def test_a_late_answer_to_the_turn_before_is_not_the_answer_to_this_one() -> None:
    utterance = EARS["nova"]()
    late = {"channel": {"alternatives": [{"transcript": "before"}]}, "is_final": True}
    assert utterance.hear({"type": "Results", "from_finalize": True, **late}) is None
    utterance.end()
    final = {"channel": {"alternatives": [{"transcript": "now"}]}, "is_final": True}
    heard = utterance.hear({"type": "Results", "from_finalize": True, **final})
    assert heard == Transcript("now", final=True, confidence=0.0)


def test_a_segment_that_scribe_commits_by_itself_is_kept() -> None:
    utterance = EARS["scribe"]()
    utterance.hear({"message_type": "committed_transcript", "text": "it is a long"})
    heard = utterance.hear({"message_type": "partial_transcript", "text": "story"})
    assert heard == Transcript("it is a long story", final=False)
    utterance.end()
    heard = utterance.hear({"message_type": "committed_transcript", "text": "story really"})
    assert heard == Transcript("it is a long story really", final=True)


def test_flux_goes_on_after_an_end_that_was_none() -> None:
    utterance = EARS["flux"]()

    def told(event: str, words: str) -> Transcript | None:
        return utterance.hear({"type": "TurnInfo", "event": event, "transcript": words})

    assert told("EagerEndOfTurn", "four two") == Transcript("four two", False, complete=True)
    assert told("TurnResumed", "four two") == Transcript("four two", False)
    assert told("EndOfTurn", "four two") == Transcript("four two", False, complete=True)
    assert told("StartOfTurn", "one") == Transcript("four two one", False)
    utterance.end()
    assert told("EndOfTurn", "one nine") == Transcript("four two one nine", True)
