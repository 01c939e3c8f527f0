"""The verb that hands the caller to an agent: ai."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import ConfigDict, Field, model_validator

from sipagent.call.control import CallControl
from sipagent.call.live_agent import Exit
from sipagent.call.services import TalkEnd, Talker
from sipagent.call.verb import End, Outcome, Verb
from sipagent.errors import ProviderError
from sipagent.events import AgentChanged
from sipagent.media.port import AudioPort
from sipagent.tasks import stopped

from .documents import run_document
from .flow import leaving, planned
from .inline_agents import filled
from .playing import sound_port
from .waiting import answered

#: the keys of an SWML `ai` object. Their templates speak of the conversation, not of the plan.
SWML_AI = frozenset(
    {
        "prompt", "post_prompt", "post_prompt_url", "post_prompt_auth_user",
        "post_prompt_auth_password", "languages", "multilingual", "hints", "pronounce", "params",
        "global_data", "SWAIG",
    }
)  # fmt: skip
#: seconds a talker has to put away its things once its port was closed
_GRACE = 2.0


class AiVerb(Verb):
    """Let an agent talk with the caller until one of them is done.

    `{agent: NAME}` for an agent of this plan, or an SWML `ai` object as it is.
    """

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)
    name: ClassVar[str] = "ai"
    shorthand: ClassVar[str | None] = "agent"
    raw_keys: ClassVar[frozenset[str]] = SWML_AI
    agent: str | None = Field(default=None, description="an agent of this plan")

    @model_validator(mode="after")
    def _one_form(self) -> "AiVerb":
        extra = self.__pydantic_extra__ or {}
        if self.agent is None and not {"prompt", "SWAIG"} & extra.keys():
            raise ValueError("needs agent, or the keys of an SWML ai object")
        if self.agent is not None and extra:
            raise ValueError(f"agent stands alone; {', '.join(extra)} belong under agents:")
        return self

    @property
    def inline(self) -> Mapping[str, Any]:
        """The SWML object."""
        return self.__pydantic_extra__ or {}

    async def run(self, control: CallControl) -> Outcome:
        """Open the agent's port, let it talk, and wait for whoever it put the caller through to."""
        call = control.call
        agent = self.agent or filled(self.inline, call)
        talker, verbs = call.services.talkers.open(agent, call.id)
        await answered(call)
        async with sound_port(call, "agent") as port:
            before, call.agent = call.agent, port
            call.tracks.clean(port)
            try:
                end = await self._talks(control, port, talker, verbs)
            except ProviderError as error:
                return Outcome(False, str(error))
            finally:
                if call.agent is port:
                    call.agent = before
        await call.until_parted()
        if end is None:
            return Outcome(detail="the talk is over")
        if end.exit is not None:
            return await self._gone_to(end.exit, control)
        flow = leaving(control, end.section) if end.section else None
        return Outcome(end.reason != "failed", f"the talk is over: {end.reason}", flow=flow)

    async def _gone_to(self, way: Exit, control: CallControl) -> Outcome:
        """Nothing comes back from there: the plan ends with it."""
        outcome = await run_document(replace(planned(control), by=way.by), way.document)
        return replace(outcome, flow=End())

    async def _talks(
        self, control: CallControl, port: AudioPort, talker: Talker, verbs: frozenset[str]
    ) -> TalkEnd | None:
        """One agent after another, each with its own verbs, on the port that stays open."""
        call = control.call
        name = self.agent or ""
        while True:
            hands = CallControl(call, control.policies, "model", verbs)
            end = await self._talk(control, port, talker.run(port, hands))
            if end is None or end.successor is None:
                return end
            heir = end.successor
            call.emit(AgentChanged, before=name, agent=heir.agent, summary=heir.baton.summary)
            name, talker, verbs = heir.agent, heir.talker, heir.verbs

    async def _talk(self, control: CallControl, port: AudioPort, work: Any) -> TalkEnd | None:
        call = control.call
        talk: asyncio.Task[TalkEnd | None] = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(call.left(call.caller))
        try:
            await asyncio.wait({talk, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not talk.done():
                port.close()
                await asyncio.wait({talk}, timeout=_GRACE)
            return talk.result() if talk.done() else TalkEnd("gone")
        finally:
            await stopped(talk, gone)


class AmazonBedrockVerb(AiVerb):
    """`ai` as it is written for Amazon Bedrock: another model of sipagent.yaml speaks for it, and
    the voice is the plan's wish where a mouth knows it.
    """

    name: ClassVar[str] = "amazon_bedrock"
    shorthand: ClassVar[str | None] = None

    @property
    def inline(self) -> Mapping[str, Any]:
        """The SWML object as `ai` has it."""
        given = dict(super().inline)
        prompt = given.get("prompt")
        if isinstance(prompt, Mapping) and "voice_id" in prompt:
            given["prompt"] = {key: value for key, value in prompt.items() if key != "voice_id"}
            voice = {"name": "English", "code": "en-US", "voice": str(prompt["voice_id"])}
            given.setdefault("languages", [voice])
        return given


TALK: tuple[type[Verb], ...] = (AiVerb, AmazonBedrockVerb)
