"""wait_for_user and adjust_response_latency: how long the agent leaves the caller to speak."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError

from sipagent.call.control import CallControl
from sipagent.tools.functions import complaint, lean_schema
from sipagent.tools.spec import ToolResult, ToolSpec

from ..parts import Part

WAIT_FOR_USER, ADJUST_RESPONSE_LATENCY = "wait_for_user", "adjust_response_latency"
_OVER = ToolResult("The talk is over.", ok=False)


class _Pace(Part):
    milliseconds: int = Field(
        ge=250, le=10_000, description="of silence after which the caller's turn is over"
    )


def wait_for_user() -> ToolSpec:
    """The agent says no more until the caller does, and nobody asks whether they are there."""

    async def invoke(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        agent = control.call.live_agent
        if agent is None:
            return _OVER
        agent.mind.wait_for_user()
        return ToolResult("You wait in silence until the caller speaks.")

    about = "Say nothing until the caller speaks again, where they asked for time."
    nothing = {"type": "object", "properties": {}, "additionalProperties": False}
    return ToolSpec(WAIT_FOR_USER, about, nothing, invoke)


def adjust_response_latency() -> ToolSpec:
    """The silence that ends a turn of the caller's, longer or shorter from now on."""

    async def invoke(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        try:
            wanted = _Pace.model_validate(dict(arguments))
        except ValidationError as error:
            return ToolResult(complaint(ADJUST_RESPONSE_LATENCY, error), ok=False)
        agent = control.call.live_agent
        if agent is None:
            return _OVER
        agent.ears.end_turns(end_of_speech=wanted.milliseconds)
        return ToolResult(f"From now on a turn ends after {wanted.milliseconds} ms of silence.")

    about = "Leave the caller more time to finish, or answer sooner, where they ask for that."
    return ToolSpec(ADJUST_RESPONSE_LATENCY, about, lean_schema(_Pace), invoke)
