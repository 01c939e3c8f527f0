"""What words show, in seven languages."""

import pytest

from sipagent.agent.lexicon.known import LEXICONS, lexicon
from sipagent.agent.lexicon.words import Lexicon, plain


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en-GB", "Mm-hmm."),
        ("en", "yeah, right"),
        ("de-AT", "Ach so, ja."),
        ("fr", "D’accord."),
        ("es-MX", "¡Ajá, claro!"),
        ("it", "Sì, sì, certo."),
        ("pt-BR", "Tá bom."),
        ("nl", "Ja, ja, precies."),
    ],
)
def test_signs_of_listening_are_known_in_every_language(language: str, text: str) -> None:
    assert lexicon(language).is_backchannel(text)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Oh, hold on a second please."),
        ("de", "Moment bitte, ich schaue nach."),
        ("fr", "Ne quittez pas."),
        ("es", "Espere un momentito, por favor."),
        ("it", "Aspetti un attimo."),
        ("pt", "Só um minutinho."),
        ("nl", "Wacht even."),
    ],
)
def test_a_caller_asks_for_a_moment_in_every_language(language: str, text: str) -> None:
    assert lexicon(language).asks_to_wait(text)


@pytest.mark.parametrize(
    "text",
    ["", "no", "Can you hold on to my order until Monday?", "I waited one minute and nobody came"],
)
def test_what_only_sounds_like_it_asks_for_no_moment(text: str) -> None:
    assert not lexicon("en").asks_to_wait(text)


@pytest.mark.parametrize("text", ["", "no", "yes please stop", "yes but first", "I see a problem"])
def test_words_that_want_something_are_no_sign_of_listening(text: str) -> None:
    assert not lexicon("en").is_backchannel(text)


def test_an_unknown_language_goes_by_english() -> None:
    assert lexicon("fi-FI") is LEXICONS["en"] is lexicon("")


def _entries(known: Lexicon) -> list[str]:
    lists = [
        known.backchannels,
        known.hold_on,
        known.hesitations,
        known.openers,
        known.digits,
        known.yes,
        known.no,
        *known.asks.values(),
    ]
    return [entry for entries in lists for entry in entries]


@pytest.mark.parametrize("language", LEXICONS)
def test_every_entry_is_written_as_words_are_compared(language: str) -> None:
    entries = _entries(LEXICONS[language])
    assert [entry for entry in entries if entry != plain(entry)] == []


@pytest.mark.parametrize("language", LEXICONS)
def test_no_refusal_is_a_sign_of_listening(language: str) -> None:
    known = LEXICONS[language]
    assert [no for no in known.no if known.is_backchannel(no)] == []
