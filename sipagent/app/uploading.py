"""Uploading: how object storage does, and how uploads do, for those who look at the server."""

import random
from dataclasses import dataclass

#: seconds before a store that failed is tried again: at first, and at most
_FIRST, _LONGEST = 1.0, 300.0


@dataclass(frozen=True, slots=True)
class Uploading:
    """Bundles that wait, attempts that came to something and to nothing, and why the last one of
    them failed, if nothing has worked since.
    """

    waiting: int = 0
    sent: int = 0
    failed: int = 0
    error: str = ""

    @property
    def failing(self) -> bool:
        """Does object storage take nothing?"""
        return bool(self.error)


def patience(failures: int) -> float:
    """Seconds to wait after so many failures in a row, about twice as long each time."""
    return min(_LONGEST, _FIRST * 2.0 ** min(failures - 1, 20)) * random.uniform(0.8, 1.2)  # noqa: S311


@dataclass(slots=True)
class Health:
    """How the store does. While it fails nothing is sent, and then one bundle tries."""

    failures: int = 0
    until: float = 0.0
    error: str = ""
    sent: int = 0
    failed_in_all: int = 0

    def failed(self, cause: str, now: float) -> None:
        """It did not do what it was asked."""
        self.failures += 1
        self.failed_in_all += 1
        self.until = now + patience(self.failures)
        self.error = cause

    def worked(self) -> None:
        """It did."""
        self.sent += 1
        self.hurry()

    def hurry(self) -> None:
        """Try at once."""
        self.failures, self.until, self.error = 0, 0.0, ""
