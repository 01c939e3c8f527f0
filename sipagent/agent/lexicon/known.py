"""Which lexicon is whose language."""

from collections.abc import Mapping

from .de import DE
from .en import EN
from .es import ES
from .fr import FR
from .it import IT
from .nl import NL
from .pt import PT
from .words import Lexicon

LEXICONS: Mapping[str, Lexicon] = {
    "de": DE,
    "en": EN,
    "es": ES,
    "fr": FR,
    "it": IT,
    "nl": NL,
    "pt": PT,
}


def lexicon(language: str) -> Lexicon:
    """Of a BCP 47 tag; English where it is empty or none of ours."""
    return LEXICONS.get(language.partition("-")[0].lower(), EN)
