"""Payment cards: whose a number is, by how it begins (ISO/IEC 7812-1). Pure."""

from typing import Literal

CardType = Literal["visa", "mastercard", "amex", "maestro", "discover", "jcb", "diners-club"]

#: ranges of first digits, the narrower before the wider
_RANGES: tuple[tuple[CardType, tuple[tuple[str, str], ...]], ...] = (
    ("amex", (("34", "34"), ("37", "37"))),
    ("diners-club", (("300", "305"), ("36", "36"), ("38", "39"))),
    ("jcb", (("3528", "3589"),)),
    ("visa", (("4", "4"),)),
    ("mastercard", (("51", "55"), ("2221", "2720"))),
    ("discover", (("6011", "6011"), ("644", "649"), ("65", "65"))),
    ("maestro", (("50", "50"), ("56", "69"))),
)


def card_type(digits: str) -> CardType | None:
    """Whose card has this number; None where that is not known."""
    for kind, ranges in _RANGES:
        if any(low <= digits[: len(low)] <= high for low, high in ranges):
            return kind
    return None


def code_length(kind: CardType | None) -> int:
    """Digits of the security code."""
    return 4 if kind == "amex" else 3
