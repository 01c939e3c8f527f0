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
        """The digits a turn begins with, where they continue a number of more than `TOLD`."""
        run, self._open = self._judged(text)
        return run

    def would_continue(self, text: str) -> Run | None:
        """The same of words that are not the whole turn yet."""
        return self._judged(text)[0]

    def _judged(self, text: str) -> tuple[Run | None, int]:
        """Those digits, and how many are open after this turn."""
        found = list(runs(text))
        if not found:
            return None, self._open if only_between(text) else 0
        first, last = found[0], found[-1]
        before = self._open if only_between(text[: first.start]) else 0
        whole = before + len(first.digits)
        left = (
            (whole if last is first else len(last.digits)) if only_between(text[last.end :]) else 0
        )
        return (first if before and whole > TOLD else None), left
