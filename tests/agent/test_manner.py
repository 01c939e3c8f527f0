"""How an agent speaks: pronunciation and languages."""

from collections.abc import Mapping
from typing import Any

from sipagent.agent.protocols import OWN_TONGUE, Tongue
from sipagent.agent.speaking.manner import Manner
from sipagent.agent.speaking.pronouncing import pronunciation
from sipagent.agent.speaking.spec import FillerTexts, Language, Pronunciation
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
    assert (manner.code, manner.tongue) == ("en-GB", Tongue("en-GB", "amy"))
    assert manner.change("español") is LANGUAGES[1]
    assert manner.fillers.thinking == ("Un momento.",)
    assert manner.change("EN-gb") is LANGUAGES[0]
    assert manner.change("es") is LANGUAGES[1]
    assert manner.change("Klingon") is None
    assert manner.tongue == Tongue("es-ES", "")


def test_without_languages_the_mouth_speaks_its_own() -> None:
    assert Manner().tongue is OWN_TONGUE
