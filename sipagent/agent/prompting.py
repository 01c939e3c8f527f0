"""Prompting: a caller who is silent, or is not understood, is asked, and in the end left."""

from collections.abc import Callable
from typing import Literal

from sipagent.call.services import TalkEnd

from .attention import NOT_UNDERSTOOD, Attention, InactivityWatch
from .jobs import GoOn, Leave, Speak
from .mind import Mind
from .speaking.manner import Manner
from .spec import AgentSpec
from .turns.silence import SilenceWatch

#: seconds that never pass, and prompts that are never too many
_NEVER, _ANY = 10.0**9, 10**9


class Prompting:
    """Give it a `mind` before the first frame."""

    mind: Mind

    def __init__(self, spec: AgentSpec, manner: Manner, *, outbound: bool = False) -> None:
        self._spec = spec
        self._manner = manner
        attention = spec.attention
        self._silence = _silence(spec, attention)
        self._inactivity = InactivityWatch(attention, outbound=outbound) if attention else None
        self._note = None if attention is None else attention.prompt
        #: may the mind use tools where it speaks to a silent caller?
        self.with_tools = spec.functions.functions_on_no_response
        #: True while a silent caller is not to be asked anything
        self.hushed: Callable[[], bool] = lambda: False

    def frame(self, quiet: bool) -> None:
        """One more frame; `quiet` where neither side has the floor."""
        if self._inactivity is not None and self._inactivity.frame():
            self.mind.tell(Leave(TalkEnd("silent", self._spec.fallback)))
        elif (what := self._silence.frame(quiet and not self.hushed())) is not None:
            prompts = self._manner.prompts.silence_prompt
            place = min(max(0, self._silence.asked - 1), len(prompts) - 1)
            self._do(what, prompts[place], self._note)

    def not_understood(self) -> None:
        """The caller spoke, and there were no words in it."""
        note = None if self._note is None else NOT_UNDERSTOOD
        self._do(self._silence.ask(), self._manner.prompts.reprompt, note)

    def answered(self, *, hold_on: bool = False) -> None:
        """The caller was heard; with `hold_on` they asked for a moment."""
        self._silence.answered()
        if self._inactivity is not None:
            self._inactivity.heard()
        if hold_on:
            self._silence.hold_on()

    def wait(self, seconds: float) -> None:
        """Ask nothing for so long, unless the caller says something meanwhile."""
        self._silence.hold_on(seconds)

    def _do(self, what: Literal["ask", "give_up"], words: str, note: str | None) -> None:
        """Ask word for word, or by a `note` for the mind."""
        if what == "give_up":
            self.mind.tell(Leave(TalkEnd("silent", self._spec.fallback)))
        elif note is None:
            self.mind.tell(Speak(words))
        else:
            self.mind.tell(GoOn(note, with_tools=self.with_tools))


def _silence(spec: AgentSpec, attention: Attention | None) -> SilenceWatch:
    hold_on = spec.hold_on_seconds
    if attention is None:
        return SilenceWatch(spec.silence_seconds, spec.silence_limit, hold_on=hold_on)
    return SilenceWatch((attention.after or _NEVER,), _ANY, hold_on=hold_on)
