"""What somebody outside a call may ask of it: most verbs of a plan, and words for its agent."""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from sipagent.call.control import CallControl
from sipagent.call.leg import LegState
from sipagent.call.shared_data import SharedData
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import CallError, LegFailed

from . import VERBS
from .controlling import CONTROLLING
from .driven import DRIVERS
from .playing import play_all, sound_port
from .waiting import while_caller_stays
from .words import failure, who

#: verbs that only mean something as steps of a plan, or reach beyond the call they are asked of.
#: Whoever wants an agent in a call transfers it to a section, or a document, that has one
_STEPS = frozenset(
    {
        "ai", "amazon_bedrock", "ask_consent", "cond", "execute", "execute_rpc", "goto", "label",
        "relay", "request", "return", "serve_queue", "sleep", "swml", "switch",
    }
)  # fmt: skip


class NobodyTalks(CallError):
    """Words for an agent where none is talking."""

    status = 409

    def __init__(self) -> None:
        super().__init__("no agent is talking with the caller at the moment")


class OriginateVerb(Verb):
    """Call somebody, on whose leg the call is: it rings already when this runs."""

    name: ClassVar[str] = "originate"
    to: str
    timeout: float = Field(default=30, gt=0, le=600, description="seconds of ringing")

    @property
    def targets(self) -> tuple[str, ...]:
        """Whom."""
        return (self.to,)

    async def run(self, control: CallControl) -> Outcome:
        """Wait for the answer. Nobody is left ringing."""
        leg = control.call.caller
        try:
            async with asyncio.timeout(self.timeout):
                await leg.wait(LegState.CONFIRMED)
        except LegFailed as error:
            refused = LegFailed(error.status, leg.reason or error.reason)
            return Outcome(False, failure(refused, self.to), status=error.status)
        except TimeoutError:
            await leg.hangup()
            return Outcome(False, failure(LegFailed(408, ""), self.to), status=408)
        return Outcome(detail=f"{who(self.to)} answered", status=200)


class SayVerb(Verb):
    """Say something to the caller, in the agent's own voice while one talks."""

    name: ClassVar[str] = "say"
    shorthand: ClassVar[str | None] = "text"
    text: str = Field(min_length=1, max_length=4000)

    async def run(self, control: CallControl) -> Outcome:
        """Wait until it was heard."""
        call = control.call
        if (agent := call.live_agent) is not None:
            await while_caller_stays(call, agent.say(self.text))
        else:
            async with sound_port(call, "say") as port:
                await while_caller_stays(call, play_all(call, port, (f"say:{self.text}",)))
        return Outcome(detail="it was said")


class TellVerb(Verb):
    """Give the agent that is talking a note (`system`), or words as if the caller had spoken them
    (`user`); it replies in its own words.
    """

    name: ClassVar[str] = "tell"
    shorthand: ClassVar[str | None] = "text"
    text: str = Field(min_length=1, max_length=8000)
    role: Literal["system", "user"] = "system"

    async def run(self, control: CallControl) -> Outcome:
        """The reply comes later, and is not waited for. Raises NobodyTalks."""
        agent = control.call.live_agent
        if agent is None:
            raise NobodyTalks
        agent.tell(self.text, self.role)
        return Outcome(detail="the agent was told")


class SetGlobalDataVerb(Verb):
    """Set values of the call's global data, which the plan, the agent's prompt and its functions
    see as `global_data`; null removes one.
    """

    name: ClassVar[str] = "set_global_data"
    data: Mapping[str, Any]

    async def run(self, control: CallControl) -> Outcome:
        """All of it or, where that would be too much, nothing. Raises CallError."""
        shared = SharedData(control.call.scope)
        shared.set_global({k: v for k, v in self.data.items() if v is not None})
        shared.unset_global(k for k, v in self.data.items() if v is None)
        return Outcome(detail=f"set {', '.join(sorted(self.data))}")


_WORDS: tuple[type[Verb], ...] = (SayVerb, TellVerb, SetGlobalDataVerb, *DRIVERS, *CONTROLLING)
#: by name; a plan has no steps of the last ones' names
OUTSIDE: Mapping[str, type[Verb]] = {
    **{name: verb for name, verb in VERBS.items() if name not in _STEPS},
    **{verb.name: verb for verb in _WORDS},
}
