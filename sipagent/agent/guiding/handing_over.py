"""hand_over: the tool by which an agent gives the caller to another agent of the plan."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ConfigDict, Field, ValidationError

from sipagent.call.control import CallControl
from sipagent.call.services import Baton, Successor
from sipagent.errors import PlanError
from sipagent.tools.functions import complaint
from sipagent.tools.spec import ToolResult, ToolSpec

from ..lines import tail
from ..parts import Part
from .standing import Standing

HAND_OVER = "hand_over"
#: characters of a model's summary that the next agent reads
SUMMARY = 1_500


class _Arguments(Part):
    model_config = ConfigDict(frozen=True, extra="forbid")
    agent: str
    summary: str = Field(default="")


@dataclass(frozen=True, slots=True)
class HandOver:
    """`to` are the agents that may be named, `most` the hand-overs of one call. `lines` tells the
    talk so far, and `leave` is told who goes on.
    """

    to: Sequence[str]
    most: int
    standing: Standing
    lines: Callable[[], tuple[str, ...]]
    leave: Callable[[Successor], None]

    @property
    def tool(self) -> ToolSpec:
        """As the model sees it."""
        known = [f"{name}: {what}" for name in self.to if (what := self.standing.peers.get(name))]
        what_for = f" {'; '.join(known)}." if known else ""
        agent = {"type": "string", "enum": list(self.to)}
        summary = {
            "type": "string",
            "description": "who the caller is, what they want and what was found out so far, in "
            "two or three sentences; the other agent reads it and the caller does not hear it",
        }
        return ToolSpec(
            name=HAND_OVER,
            description="Give the caller to another agent, who goes on with the talk. Say a short "
            f"sentence to the caller first.{what_for}",
            parameters={
                "type": "object",
                "properties": {"agent": agent, "summary": summary},
                "required": ["agent"],
                "additionalProperties": False,
            },
            invoke=self.invoke,
        )

    async def invoke(self, arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        """Make the next agent while this one still speaks. Nothing happens to the caller where
        that does not work, and the model reads why.
        """
        try:
            wanted = _Arguments.model_validate(dict(arguments))
        except ValidationError as error:
            return ToolResult(complaint(HAND_OVER, error), ok=False)
        call = control.call
        if wanted.agent not in self.to:
            return ToolResult(f"It can be handed over to: {', '.join(self.to)}.", ok=False)
        if call.done[HAND_OVER] >= self.most:
            text = f"The caller was handed over {self.most} times already: help them yourself."
            return ToolResult(text, ok=False)
        lines = self.lines()
        summary = wanted.summary.strip()[:SUMMARY] or tail(lines)
        baton = Baton(self.standing.name, summary, lines, self.standing.debt)
        try:
            talker, verbs = call.services.talkers.open(wanted.agent, call.id, baton)
        except PlanError as error:
            return ToolResult(f"{wanted.agent} cannot take over: {error}", ok=False)
        call.done[HAND_OVER] += 1
        self.leave(Successor(wanted.agent, talker, verbs, baton))
        return ToolResult(f"{wanted.agent} takes over.", ends_talk=True)
