"""What a plan says about giving way, under `barge_in:` of an agent."""

from pydantic import Field

from ..lexicon.words import plain
from ..parts import Part, Words
from .bargein import YieldRules


class BargeInSpec(Part):
    """How the agent gives way."""

    enabled: bool = Field(default=True, description="false: neither voice nor key stops it")
    keys_only: bool = Field(default=False, description="keys stop the agent, the voice does not")
    min_words: int = Field(default=1, ge=1, description="words heard before it stops at once")
    decide_ms: int = Field(default=500, ge=100, description="speech heard before it stops for good")
    backchannels: Words = Field(
        default=(), description="signs of listening beside those of the language"
    )

    @property
    def by_voice(self) -> bool:
        """May the caller's voice stop the agent?"""
        return self.enabled and not self.keys_only

    @property
    def rules(self) -> YieldRules:
        """As the machine takes them."""
        more = frozenset(plain(word) for word in self.backchannels)
        return YieldRules(self.min_words, self.decide_ms, more=more)
