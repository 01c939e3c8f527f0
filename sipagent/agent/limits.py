"""Limits: how long the agent waits for anything, and how much it takes."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Limits:
    """Every wait of the agent has one of these, in seconds. A turn that fails twice in a row ends
    the talk.
    """

    #: from asking the mind to its first word or tool call, and between two of them
    first_token: float = 8.0
    next_token: float = 8.0
    #: from the end of the turn to its final text
    final_text: float = 5.0
    #: for each chunk of speech
    speech_chunk: float = 5.0
    #: how long a transfer or hang-up waits for what is being said
    speech_cap: float = 15.0
    failures: int = 2
    #: of one answer
    reply_characters: int = 2000


@dataclass(slots=True)
class Failures:
    """Turns that failed in a row; with the `limit`th the talk ends."""

    limit: int
    count: int = 0

    def add(self) -> bool:
        """One more; True where it was one too many."""
        self.count += 1
        return self.count >= self.limit

    def clear(self) -> None:
        """A turn went well."""
        self.count = 0

    @property
    def then(self) -> Literal["apology", "fallback"]:
        """What is done about the next one."""
        return "fallback" if self.count + 1 >= self.limit else "apology"
