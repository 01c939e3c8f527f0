"""Prompting: a caller who is silent, or is not understood, is asked, and in the end left."""

from typing import Literal

from sipagent.call.services import TalkEnd

from .mind import Leave, Mind, Speak
from .speaking.manner import Manner
from .spec import AgentSpec
from .turns.silence import SilenceWatch


class Prompting:
    """Give it a `mind` before the first frame."""

    mind: Mind

    def __init__(self, spec: AgentSpec, manner: Manner) -> None:
        self._spec = spec
        self._manner = manner
        self._silence = SilenceWatch(
            spec.silence_seconds, spec.silence_limit, hold_on=spec.hold_on_seconds
        )

    def frame(self, quiet: bool) -> None:
        """One more frame; `quiet` where neither side has the floor."""
        prompts = self._manner.prompts.silence_prompt
        place = min(self._silence.asked, len(prompts) - 1)
        self._do(self._silence.frame(quiet), prompts[place])

    def not_understood(self) -> None:
        """The caller spoke, and there were no words in it."""
        self._do(self._silence.ask(), self._manner.prompts.reprompt)

    def answered(self, *, hold_on: bool = False) -> None:
        """The caller was heard; with `hold_on` they asked for a moment."""
        self._silence.answered()
        if hold_on:
            self._silence.hold_on()

    def _do(self, what: Literal["ask", "give_up"] | None, words: str) -> None:
        if what == "ask":
            self.mind.tell(Speak(words))
        elif what == "give_up":
            self.mind.tell(Leave(TalkEnd("silent", self._spec.fallback)))
