"""Which lexicon is whose language."""

from collections.abc import Mapping

from .en import EN
from .words import Lexicon

LEXICONS: Mapping[str, Lexicon] = {"en": EN}


def lexicon(language: str) -> Lexicon:
    """Of a BCP 47 tag; English where it is empty or none of ours."""
    return LEXICONS.get(language.partition("-")[0].lower(), EN)
