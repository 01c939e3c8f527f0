"""Model log: where what a call's models were asked and answered is put on record."""

from collections.abc import Mapping
from typing import Any, Protocol


class ModelLog(Protocol):
    """Takes one line after another; who writes it has redacted it."""

    #: False where nothing is kept: then nobody need make lines
    keeps: bool
    #: hashes of what stands in it once for all
    known: set[str]

    def number(self) -> int:
        """The number of the next request, from 1."""
        ...

    def put(self, line: Mapping[str, Any]) -> None:
        """Keep a line of JSON data; returns at once and never raises."""
        ...

    async def close(self) -> None:
        """Wait until everything is kept; nothing is taken afterwards. Idempotent."""
        ...


class NoModelLog:
    """Keeps nothing."""

    keeps = False

    def __init__(self) -> None:
        self.known: set[str] = set()

    def number(self) -> int:
        """See `ModelLog`."""
        return 0

    def put(self, line: Mapping[str, Any]) -> None:
        """See `ModelLog`."""

    async def close(self) -> None:
        """See `ModelLog`."""
