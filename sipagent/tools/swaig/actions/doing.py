"""Doing: what the actions of one answer are carried out with."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from sipagent.call.control import CallControl
from sipagent.call.documents import Document
from sipagent.call.live_agent import LiveAgent
from sipagent.call.session import CallSession
from sipagent.call.shared_data import SharedData
from sipagent.call.verb import Outcome
from sipagent.errors import CallError
from sipagent.events import Warned

from ..rules import Rules

#: runs a document in the name of a control (verbs/documents.py)
Perform = Callable[[CallControl, Document], Awaitable[Outcome]]


class Toggled(Protocol):
    """A function as `toggle_functions` knows it."""

    token: str
    active: bool | int


@dataclass(frozen=True, slots=True)
class Desk:
    """What an agent's functions share: their rules, each other, and the way to the verbs."""

    perform: Perform
    rules: Rules
    functions: Mapping[str, Toggled]


@dataclass(slots=True)
class Doing:
    """One answer's. `control` is the function's own: every verb, under the policies in force.
    `notes` are read by the model after the result; `ends_talk` as in ToolResult.
    """

    control: CallControl
    function: str
    token: str
    desk: Desk
    #: the model has read the result already
    later: bool = False
    notes: list[str] = field(default_factory=list)
    ends_talk: bool = False
    #: the agent was told to leave already
    left: bool = False

    @property
    def call(self) -> CallSession:
        """The call."""
        return self.control.call

    @property
    def data(self) -> SharedData:
        """Global data and metadata."""
        return SharedData(self.call.scope)

    @property
    def agent(self) -> LiveAgent:
        """The agent that talks. Raises CallError where it does not any more."""
        if self.call.live_agent is None:
            raise CallError("no agent is talking")
        return self.call.live_agent

    async def perform(self, *steps: Any) -> Outcome:
        """Run steps as they would stand in a document, at once. Raises PlanError."""
        raw = {"version": "1.0.0", "sections": {"main": list(steps)}}
        document = self.call.services.documents.read(raw, f"function {self.function}")
        return await self.desk.perform(replace(self.control, presence=None), document)

    def note(self, instruction: str) -> None:
        """What the model is to do next: read with the result, or by itself where that was read."""
        if self.later:
            self.agent.tell(instruction)
        else:
            self.notes.append(instruction)

    def refused(self, what: str) -> None:
        """An action is not permitted: on record, and the model knows."""
        self.warn(f"{what} is not permitted to functions here")
        self.notes.append(f"({what} is not permitted to functions here: it was not done)")

    def warn(self, detail: str) -> None:
        """Put it on record."""
        self.call.emit(Warned, code="swaig_action", detail=f"{self.function}: {detail}")


Action = Callable[[Doing, Any], Awaitable[None]]
