"""A plan's own patterns: bounded in time, and refused where they could take for ever."""

from collections.abc import Iterator

import regex
from pydantic import BaseModel, ConfigDict, Field, field_validator

from sipagent.call.pattern_weight import HEAVIEST, weight

#: seconds one pattern may take over one text
SECONDS = 0.02
#: and over each of the texts it is tried on before it is taken
_TRIAL_SECONDS = 0.1
_TRIAL_LENGTH = 3_000
_LONGEST = 400
_USUAL = ("a", "0", " ", "-", "a0", "a ", "0-", "0 ", "a-", ".", "a.")


class Pattern(BaseModel):
    """`{pattern: "CUST-[0-9]{6}", name: customer number}`: upper and lower case count alike."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    pattern: str = Field(min_length=1, max_length=_LONGEST, description="a regular expression")
    name: str = Field(min_length=1, max_length=40, description="stands in its place, in brackets")

    @field_validator("pattern")
    @classmethod
    def _sound(cls, pattern: str) -> str:
        if weight(pattern) > HEAVIEST:
            raise ValueError("it repeats too much: repeats of repeats, written out")
        try:
            compiled = regex.compile(pattern, regex.IGNORECASE)
        except regex.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        if compiled.search("") is not None:
            raise ValueError("it matches nothing at all, and so everywhere")
        for text in _trials(pattern):
            try:
                for _ in compiled.finditer(text, timeout=_TRIAL_SECONDS):
                    pass
            except TimeoutError as error:
                why = f"it takes too long over a text such as {text[:6]}...: repeats inside repeats"
                raise ValueError(why) from error
        return pattern

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where it matches; the whole text where it could not be told in time."""
        found = regex.compile(self.pattern, regex.IGNORECASE).finditer(text, timeout=SECONDS)
        try:
            spans = [match.span() for match in found if match.end() > match.start()]
        except TimeoutError:
            spans = [(0, len(text))]
        yield from spans


def _trials(pattern: str) -> Iterator[str]:
    """Texts that repeats run away on: one thing over and over, and an end that fits nothing; the
    pattern itself behind it has whatever a quick look for a needed letter would miss.
    """
    own = dict.fromkeys(c for c in pattern if c.isalnum() or c in "@_ -.")
    for piece in (*_USUAL, *own):
        yield (piece * _TRIAL_LENGTH)[:_TRIAL_LENGTH] + f"\x00{pattern}"
