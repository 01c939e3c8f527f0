"""Did digits that somebody said or pressed get out? For tests of what is kept from records."""

import re


def tells(digits: str, *texts: object) -> bool:
    """Does a number in one of these texts begin with these digits?

    Anywhere else they say nothing: a wall clock in microseconds and a measured fraction show
    any four digits sooner or later.

    :param digits: the first digits of the number that was said, four or more.
    :param texts: what might tell it, each looked through as :class:`str` shows it.
    """
    number = re.compile(rf"(?<![\d.]){re.escape(digits)}")
    return any(number.search(str(text)) for text in texts)
