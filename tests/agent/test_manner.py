"""How an agent speaks: pronunciation and languages."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from sipagent.agent.answers import yes_or_no
from sipagent.agent.protocols import OWN_TONGUE, Say, Tongue, ToolCall
from sipagent.agent.speaking.manner import Manner
from sipagent.agent.speaking.pronouncing import pronunciation
from sipagent.agent.speaking.spec import FillerTexts, Language, Pronunciation
from sipagent.agent.spec import AgentSpec
from sipagent.errors import ProviderError
from sipagent.events import LanguageChanged, ToolReturned
from sipagent.testing.organs import ScriptedBrain, ScriptedEars
from sipagent.testing.talk import a_talk
from sipagent.testing.virtual import virtual_time

LANGUAGES = (
    Language(name="English", code="en-GB", voice="amy"),
    Language(name="Español", code="es-ES", fillers=FillerTexts(thinking=("Un momento.",))),
)


def rules(*written: Mapping[str, Any]) -> list[Pronunciation]:
    """As a plan has them."""
    return [Pronunciation.model_validate(rule) for rule in written]


def test_whole_words_are_replaced_and_parts_of_words_are_not() -> None:
    spoken = pronunciation(
        rules(
            {"replace": "SIP", "with": "sip"},
            {"replace": "C++", "with": "C plus plus"},
            {"replace": "US", "with": "United States", "ignore_case": False},
        )
    )
    assert spoken("SIP, sip and sipping") == "sip, sip and sipping"
    assert spoken("We do C++.") == "We do C plus plus."
    assert spoken("the US and us") == "the United States and us"


def test_what_was_replaced_is_not_replaced_again() -> None:
    spoken = pronunciation(rules({"replace": "A", "with": "B"}, {"replace": "B", "with": "A"}))
    assert spoken("A B") == "B A"


@virtual_time
async def test_the_mouth_gets_the_pronunciation_and_the_record_the_words() -> None:
    pronounce = [{"replace": "Rossi", "with": "Rossee"}]
    async with a_talk(greeting="Rossi and Sons.", pronounce=pronounce) as talk:
        await talk.until(2000)
        assert talk.mouth.sentences == ["Rossee and Sons."]
        assert talk.said == [("agent", "Rossi and Sons.")]


def test_an_agent_begins_in_its_first_language_and_changes_by_name_or_code() -> None:
    manner = Manner(LANGUAGES)
    assert manner.tongue == Tongue("en-GB", "amy")
    assert manner.change("español") is LANGUAGES[1]
    assert manner.fillers.thinking == ("Un momento.",)
    assert manner.change("EN-gb") is LANGUAGES[0]
    assert manner.change("es") is LANGUAGES[1]
    assert manner.change("Klingon") is None
    assert manner.tongue == Tongue("es-ES", "")


def test_without_languages_the_mouth_speaks_its_own() -> None:
    assert Manner().tongue is OWN_TONGUE


def changing(language: str) -> ToolCall:
    return ToolCall("1", "change_language", {"language": language})


@virtual_time
async def test_ears_and_mouth_follow_when_the_language_is_changed() -> None:
    brain = ScriptedBrain([changing("Español")], "Buenos dias.", "Muy bien.")
    ears = ScriptedEars("hablo espanol", "gracias")
    async with a_talk(ears=ears, brain=brain, greeting="Hello.", languages=LANGUAGES) as talk:
        await talk.until(1000)
        await talk.person.speak(600, then_quiet=2000)
        await talk.person.speak(600, then_quiet=2000)
        assert [said.language for said in talk.ears.expected] == ["en-GB", "es-ES"]
        english, spanish = Tongue("en-GB", "amy"), Tongue("es-ES", "")
        assert talk.mouth.tongues == [english, spanish, spanish]
        [changed] = talk.call.all(LanguageChanged)
        assert changed.language == "es-ES"


@virtual_time
async def test_a_language_the_agent_does_not_speak_is_refused_with_those_it_does() -> None:
    brain = ScriptedBrain([changing("Klingon")], [changing(7)], "Sorry.")  # type: ignore[arg-type]
    async with a_talk(ears=ScriptedEars("nuqneh"), brain=brain, languages=LANGUAGES) as talk:
        await talk.until(500)
        await talk.person.speak(600, then_quiet=2000)
        results = [(event.ok, event.result) for event in talk.call.all(ToolReturned)]
        assert results == [(False, "You speak: English, Español.")] * 2
        assert talk.mouth.tongues == [Tongue("en-GB", "amy")]


@virtual_time
async def test_an_agent_of_one_language_is_offered_no_change() -> None:
    brain = ScriptedBrain([Say("Yes.")])
    async with a_talk(ears=ScriptedEars("hello"), brain=brain, languages=LANGUAGES[:1]) as talk:
        await talk.until(500)
        await talk.person.speak(600, then_quiet=1500)
        assert talk.brain.offered == [()]


@virtual_time
async def test_a_yes_is_one_in_the_language_that_is_spoken() -> None:
    ears = ScriptedEars("sí, claro", "no gracias", "yes")
    async with a_talk(ears=ears, languages=LANGUAGES[1:]) as talk:
        verdicts = []
        for _ in range(2):
            asked = asyncio.ensure_future(talk.agent.confirm("¿Le paso?"))
            await talk.until(talk.call.bridge.clock.t + 500)
            await talk.person.speak(400, then_quiet=1500)
            verdicts.append(await asked)
        assert verdicts == [True, False]
        assert all("sí" in expected.phrases for expected in talk.ears.expected)


@pytest.mark.parametrize(
    ("language", "text", "verdict"),
    [
        ("es-ES", "Sí, por favor", True),
        ("es", "no, mejor no", False),
        ("it-IT", "fine", None),
        ("de-DE", "ja", True),
        ("de", "nein danke", False),
        ("de", "ja aber erst morgen", None),
        ("en-GB", "yes please", True),
        ("", "fine", True),
    ],
)
def test_only_a_plain_yes_of_the_language_is_one(
    language: str, text: str, verdict: bool | None
) -> None:
    assert yes_or_no(text, language=language) is verdict


@virtual_time
async def test_what_stands_in_the_plan_is_said_in_the_language_too() -> None:
    prompts = {"silence_prompt": "¿Sigue ahí?", "apology": "Perdón."}
    spanish = {"name": "Español", "code": "es-ES", "prompts": prompts}
    english = {"name": "English", "code": "en-GB"}
    brain = ScriptedBrain(
        [changing("Español")], "Hola.", [ProviderError("m", "x", retryable=False)]
    )
    async with a_talk(
        ears=ScriptedEars("hablo espanol", "gracias"),
        brain=brain,
        languages=[english, spanish],
        silence_seconds=4.0,
        silence_limit=1,
    ) as talk:
        await talk.until(4500)
        await talk.person.speak(600, then_quiet=7000)
        await talk.person.speak(600, then_quiet=2000)
        said = [text for speaker, text in talk.said if speaker == "agent"]
        assert said == ["Are you still there?", "Hola.", "¿Sigue ahí?", "Perdón."]


def test_what_a_language_has_no_words_for_is_the_agents() -> None:
    spanish = {"name": "Español", "code": "es", "prompts": {"apology": "Ay."}}
    spec = AgentSpec.model_validate({"languages": [spanish]})
    manner = Manner(spec.languages, prompts=spec.prompts)
    assert manner.prompts.apology == "Ay."
    assert manner.prompts.reprompt == spec.reprompt
    assert manner.prompts.silence_prompt == spec.silence_prompt
