"""remember: the tool by which an agent keeps a note for the caller's next call."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError

from sipagent.call.control import CallControl
from sipagent.call.session import CallSession
from sipagent.tools.functions import complaint
from sipagent.tools.spec import ToolResult, ToolSpec

from ..parts import Part
from .spec import MemorySpec

REMEMBER = "remember"
#: characters of one note
_NOTE = 500


class _Arguments(Part):
    note: str = Field(min_length=1, max_length=_NOTE)


def keep(call: CallSession, agent: str, spec: MemorySpec, note: str) -> None:
    """Keep it as long as the agent's plan says, and no more of it than its privacy lets."""
    call.services.memory.keep(agent, call.kept(note), days=spec.days, most=spec.max_chars)


def remember(agent: str, spec: MemorySpec) -> ToolSpec:
    """The tool as the model sees it."""

    async def invoke(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        try:
            wanted = _Arguments.model_validate(dict(arguments))
        except ValidationError as error:
            return ToolResult(complaint(REMEMBER, error), ok=False)
        keep(control.call, agent, spec, wanted.note)
        return ToolResult("It is kept for the caller's next call.")

    note = {"type": "string", "maxLength": _NOTE, "description": "one sentence, no secrets"}
    return ToolSpec(
        name=REMEMBER,
        description="Keep a note on this caller that helps when they call again.",
        parameters={
            "type": "object",
            "properties": {"note": note},
            "required": ["note"],
            "additionalProperties": False,
        },
        invoke=invoke,
    )
