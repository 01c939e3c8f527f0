"""ToolSpec: a Python function, or a verb, as the model sees it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sipagent.call.control import CallControl


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model reads. `ends_talk` says that the agent's part in the call is over."""

    text: str
    ok: bool = True
    ends_talk: bool = False


Invoke = Callable[[Mapping[str, Any], CallControl], Awaitable[ToolResult]]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """`parameters` is a JSON schema (object). `invoke` gets arguments that were not checked yet:
    it checks them, and bad ones come back as a failed result without the tool being run.
    `timeout` is in seconds; None where the tool bounds itself (a verb that waits for a person).
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    invoke: Invoke
    timeout: float | None = 10.0
