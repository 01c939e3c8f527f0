"""ai_sidecar: a model listens to a bridged call, and tells the operator what it makes of it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field, field_validator

from sipagent.call.control import CallControl
from sipagent.call.services import Overheard
from sipagent.call.session import CallSession
from sipagent.call.shared_data import SharedData
from sipagent.call.sidecars import Sidecar
from sipagent.call.tracks import Side
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import PlanError, ProviderError
from sipagent.events import Warned
from sipagent.media.port import AudioPort
from sipagent.tasks import stopped

from .flow import remember
from .statuses import Status
from .transcribing import BOTH, SIDES, Direction, Directions, Start, Transcript, streams, summary_of

#: keys whose templates speak of the conversation, not of the plan
_RAW = frozenset({"prompt", "SWAIG", "global_data"})


class AiSidecarVerb(Verb):
    """Let a model listen to the caller and to whom they talk with; nobody hears it. It may call
    tools, and what it writes goes to `url`.
    """

    name: ClassVar[str] = "ai_sidecar"
    raw_keys: ClassVar[frozenset[str]] = _RAW
    prompt: str | Mapping[str, Any] = Field(description="words, or {text} or {pom} as of ai")
    lang: str = Field(description="BCP 47 tag of what is spoken")
    model: str | None = Field(default=None, description="a language model of sipagent.yaml")
    direction: Directions = Field(default=BOTH, description="both sides are listened to")
    customer_role: Direction = Field(
        default="remote-caller", description="after whose words the model thinks"
    )
    url: str | None = Field(default=None, description="told what is said, and what it makes of it")
    swaig: Mapping[str, Any] | None = Field(default=None, alias="SWAIG")
    permissions: Mapping[str, Any] | None = Field(
        default=None, description="as ai.params has them: swaig_allow_swml, ..."
    )
    global_data: Mapping[str, Any] = Field(default_factory=dict)
    hints: tuple[str, ...] = ()
    params: Mapping[str, Any] = Field(default_factory=dict, description="ai_summary; as of ai")
    action: Any = Field(default=None, description="stop")

    @field_validator("prompt")
    @classmethod
    def _no_file(cls, prompt: str | Mapping[str, Any]) -> str | Mapping[str, Any]:
        if isinstance(prompt, Mapping) and "file" in prompt:
            raise ValueError("a prompt stands in the document: files are not read")
        return prompt

    async def run(self, control: CallControl) -> Outcome:
        """Begin. Sets ai_sidecar_result."""
        call = control.call
        remember(call, ai_sidecar_result="failed")
        if self.action == "stop":
            call.overhearing.stop(self.name)
            outcome = Outcome(detail="the sidecar has left")
        else:
            outcome = await self._start(control)
        remember(call, ai_sidecar_result="success")
        return outcome

    async def _start(self, control: CallControl) -> Outcome:
        call = control.call
        if not call.consent.permits:
            call.consent.hold(lambda: self._start(control))
            return Outcome(detail="it will listen once the caller agrees")
        if self.name in call.overhearing:
            raise PlanError(f"{self.name} is running already")
        SharedData(call.scope).set_global(self.global_data)
        hands = CallControl(call, control.policies, "model", frozenset())
        sidecar = call.services.sidecars.sidecar(self._ai, hands)
        told = Status(call, self.url, f"calling.call.{self.name}", {"lang": self.lang})
        script = Transcript(call, told, self.name, live=True)
        options = Start(lang=self.lang, direction=self.direction, hints=self.hints)

        def work(ports: Mapping[str, AudioPort]) -> Coroutine[Any, Any, None]:
            heard = streams(call, ports, options)
            return _Listening(self, sidecar, script).work(heard)

        sides: dict[str, Side] = {role: SIDES[role] for role in self.direction}
        call.overhearing.start(self.name, sides, work)
        told.tell(state="started")
        return Outcome(detail="a model listens")

    @property
    def _ai(self) -> dict[str, Any]:
        """As an `ai` object."""
        prompt = {"text": self.prompt} if isinstance(self.prompt, str) else dict(self.prompt)
        params = {**(self.permissions or {}), **self.params}
        params |= {"ai_model": self.model} if self.model else {}
        ai: dict[str, Any] = {"prompt": prompt, "params": params}
        return ai | ({"SWAIG": self.swaig} if self.swaig else {})


@dataclass(slots=True)
class _Listening:
    verb: AiSidecarVerb
    sidecar: Sidecar
    script: Transcript

    async def work(self, heard: Mapping[str, AsyncIterator[Overheard]]) -> None:
        """Until all is over; then the whole is told."""
        turn = asyncio.Event()
        thinking = asyncio.ensure_future(self._thinks(turn))
        results = await asyncio.gather(*(self._side(*item, turn) for item in heard.items()))
        await stopped(thinking)
        params: dict[str, Any] = {"transcript": self.script.entries}
        if problem := next(filter(None, results), ""):
            params["error"] = problem
        if self.verb.params.get("ai_summary"):
            params |= await summary_of(self.script, "")
        self.script.told.tell(state="finished", **params)
        await self.sidecar.aclose()

    async def _side(self, role: str, stream: AsyncIterator[Overheard], turn: asyncio.Event) -> str:
        """Why it ended early, or empty."""
        try:
            async for heard in stream:
                self.script.add(role, heard)
                self.sidecar.hear(role, heard.text)
                if role == self.verb.customer_role:
                    turn.set()
        except ProviderError as error:
            _warn(self.script.call, f"{role}: {error.cause}")
            return error.cause
        return ""

    async def _thinks(self, turn: asyncio.Event) -> None:
        """After each turn of the customer's; what is said meanwhile is for the next time."""
        while True:
            await turn.wait()
            turn.clear()
            try:
                words = await self.sidecar.think()
            except ProviderError as error:
                _warn(self.script.call, f"the model: {error.cause}")
                continue
            if words:
                self.script.told.tell(state="insight", text=self.script.call.kept(words))


def _warn(call: CallSession, detail: str) -> None:
    call.emit(Warned, code=AiSidecarVerb.name, detail=detail)


SIDECAR: tuple[type[Verb], ...] = (AiSidecarVerb,)
