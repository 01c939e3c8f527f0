"""Dictation: a number said in several turns, of which no single one shows what it is."""

from .numbers import Run, only_between, runs

#: how much of it may have been told when it is noticed: issuer and a little more
TOLD = 8


class Dictation:
    """Fed the caller's turns in order."""

    def __init__(self) -> None:
        #: digits of the number that the last turn ended in
        self._open = 0

    def continued(self, text: str) -> Run | None:
        """The digits this turn begins with, where they continue a number of more than `TOLD`."""
        found = list(runs(text))
        if not found:
            if not only_between(text):
                self._open = 0
            return None
        first, last = found[0], found[-1]
        before = self._open if only_between(text[: first.start]) else 0
        whole = before + len(first.digits)
        ends = only_between(text[last.end :])
        self._open = (whole if last is first else len(last.digits)) if ends else 0
        return first if before and whole > TOLD else None
