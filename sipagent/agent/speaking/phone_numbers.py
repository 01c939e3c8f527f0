"""Telephone numbers as they are said: +12345678901, or (234) 567-8901 within their country."""

import re
from collections.abc import Callable
from typing import Literal

#: a number of the North American plan with its country's code (ITU-T E.164), however it is parted
_NORTH_AMERICAN = re.compile(
    r"(?<![\w+])\+?1[ .-]?\(?([2-9]\d\d)\)?[ .-]?([2-9]\d\d)[ .-]?(\d{4})(?!\w)"
)


def phone_numbers(form: Literal["international", "national"]) -> Callable[[str], str]:
    """Puts the numbers of a text into a form. Those of other countries stay as they are: how they
    are grouped is every country's own.
    """
    if form == "international":
        return lambda text: text
    return lambda text: _NORTH_AMERICAN.sub(r"(\1) \2-\3", text)
