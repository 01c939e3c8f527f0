"""Telephone numbers as they are read out: E.164, international, national and RFC 3966.

There is no table of the world's numbering plans here: numbers of the North American plan are
grouped, others stand as country code and number.
"""

import re
from typing import Final

from sipagent.call.numbers import NumberPlan

#: what stands in place of a number that is none
INVALID: Final = "INVALID NUMBER"
_HERE = NumberPlan(country="1", national="1", international=("011", "00"), shortest=10)
_NORTH_AMERICAN = re.compile(r"\+1([2-9]\d{2})([2-9]\d{2})(\d{4})")
_SEPARATORS = re.compile(r"[().\s/-]")
_PUBLIC = re.compile(r"\+[1-9]\d{6,14}")
#: ITU-T E.164 annex D: every other country code has three digits
_CODE = re.compile(
    r"\+(7|20|27|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3})(\d+)",
)


def formatted(number: str, style: str = "national", separator: str | None = None) -> str:
    """A number in a style (`national`, `international`, `rfc3966`, `e164`), INVALID where it is
    none. One without a country code is taken for one of North America. `separator` stands between
    the groups of digits instead of brackets, spaces and hyphens.
    """
    full = _HERE.e164(_SEPARATORS.sub("", number[:64].strip().removeprefix("tel:")))
    local = _NORTH_AMERICAN.fullmatch(full)
    if local is None and (full.startswith("+1") or not _PUBLIC.fullmatch(full)):
        return INVALID
    text = _styled(full, local, style.lower())
    if separator is None:
        return text
    return separator.join(re.findall(r"\+?\d+", text.removeprefix("tel:")))


def _styled(full: str, local: re.Match[str] | None, style: str) -> str:
    if style == "e164":
        return full
    if local is not None:
        area, exchange, line = local.groups()
        if style == "international":
            return f"+1 {area}-{exchange}-{line}"
        if style == "rfc3966":
            return f"tel:+1-{area}-{exchange}-{line}"
        return f"({area}) {exchange}-{line}"
    if style == "rfc3966":
        return f"tel:{full}"
    parts = _CODE.fullmatch(full)
    return f"+{parts[1]} {parts[2]}" if parts else full
