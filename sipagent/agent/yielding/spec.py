"""What a plan says about giving way, under `barge_in:` of an agent."""

from dataclasses import replace

import regex
from pydantic import Field, field_validator

from ..lexicon.words import plain
from ..parts import Part, Words
from .bargein import YieldRules


class BargeInSpec(Part):
    """How the agent gives way."""

    enabled: bool = Field(default=True, description="false: neither voice nor key stops it")
    keys_only: bool = Field(default=False, description="keys stop the agent, the voice does not")
    min_words: int = Field(default=1, ge=1, description="words heard before it stops at once")
    decide_ms: int = Field(default=500, ge=100, description="speech heard before it stops for good")
    words_only: bool = Field(default=False, description="voice without words never stops it")
    match: str | None = Field(
        default=None, description="regular expression: only words that it fits stop the agent"
    )
    whole_turns: bool = Field(
        default=False, description="what was said to its end stops it, and nothing before"
    )
    on_noise: bool = Field(default=False, description="any sound of a second stops it")
    first_word_timeout: int | None = Field(
        default=None, ge=0, le=10_000, description="ms that a voice has for its first word"
    )
    confidence: float = Field(
        default=0.5, ge=0, le=1, description="words of which the ears are less sure do not count"
    )
    same_speaker: bool = Field(
        default=False, description="voices far fainter than the caller's never stop it"
    )
    transparent: bool = Field(
        default=False,
        description="an answer stopped soon after it began is as if it had not been: what the "
        "caller said before and after is one",
    )
    transparent_barge_max_time: int = Field(
        default=3000, ge=0, le=60_000, description="ms into the answer in which that holds"
    )
    prompt: str | None = Field(
        default=None, description="a note for the mind after it was interrupted"
    )
    acknowledge: bool = Field(
        default=False, description="its mind is told to take up that it was interrupted"
    )
    backchannels: Words = Field(
        default=(), description="signs of listening beside those of the language"
    )

    @field_validator("match")
    @classmethod
    def _compiles(cls, match: str | None) -> str | None:
        try:
            regex.compile(match or "")
        except regex.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return match

    @property
    def by_voice(self) -> bool:
        """May the caller's voice stop the agent?"""
        return self.enabled and not self.keys_only

    @property
    def rules(self) -> YieldRules:
        """As the machine takes them."""
        more = frozenset(plain(word) for word in self.backchannels)
        own = YieldRules(
            self.min_words,
            self.decide_ms,
            more=more,
            words_only=self.words_only,
            whole_turns=self.whole_turns,
            match=self.match,
            on_noise=self.on_noise,
        )
        wait = self.first_word_timeout
        return own if wait is None else replace(own, longest_ms=wait)
