"""What an agent written with SWML says of speech is heard here."""

from typing import Any

import pytest

from sipagent.agent.speaking.swml import speech_of
from sipagent.agent.spec import AgentSpec

AI: dict[str, Any] = {
    "prompt": {"text": "You are helpful."},
    "languages": [
        {
            "name": "English",
            "code": "en-US",
            "voice": "elevenlabs.rachel:eleven_turbo",
            "engine": "elevenlabs",
            "speech_fillers": ["Hm."],
            "function_fillers": ["One moment."],
        },
        {"code": "es-ES", "fillers": ["Un momento."]},
    ],
    "hints": ["Rossi", {"hint": "Cabby", "pattern": "cab bee", "replace": "Cabby"}],
    "pronounce": [{"replace": "SIP", "with": "sip", "ignore_case": False}],
}


def test_languages_hints_and_pronunciation_are_taken_over() -> None:
    spec = AgentSpec(**speech_of(AI))
    english, spanish = spec.languages
    assert (english.name, english.code) == ("English", "en-US")
    assert english.fillers is not None and english.fillers.thinking == ("Hm.",)
    assert english.fillers.tools == {"default": ("One moment.",)}
    assert spanish.name == "es-ES"
    assert spanish.fillers is not None and spanish.fillers.thinking == ("Un momento.",)
    assert spec.hints == ("Rossi", "Cabby")
    [rule] = spec.pronounce
    assert (rule.replace, rule.spoken, rule.ignore_case) == ("SIP", "sip", False)


@pytest.mark.parametrize(
    "ai", [{}, {"languages": "en"}, {"hints": [{}], "pronounce": [{}], "languages": [{}]}]
)
def test_what_is_not_there_or_has_another_shape_is_left_out(ai: dict[str, Any]) -> None:
    spec = AgentSpec(**speech_of(ai))
    assert (spec.languages, spec.hints, spec.pronounce) == ((), (), ())
