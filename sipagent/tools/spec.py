"""ToolSpec: a Python function, or a verb, as the model sees it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sipagent.call.control import CallControl


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model reads. `ends_talk` says that the agent's part in the call is over; `then` is
    what is still to be done.
    """

    text: str
    ok: bool = True
    ends_talk: bool = False
    then: "Then | None" = None


@dataclass(frozen=True, slots=True)
class Then:
    """What a tool does once it has its result: at once, before the model reads it, or (`later`)
    when the reply that the model makes of it was heard. It bounds itself in time, and never
    raises. It is given the result so far, and returns what has become of it; of what comes later
    only `ends_talk` counts.
    """

    run: Callable[[ToolResult, CallControl], Awaitable[ToolResult]]
    later: bool = False


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """What the caller hears while a tool runs: `fillers` by language ("default" for all), said
    once it takes its time, or `file`, so many `loops` of it (None: without an end). `first`: the
    tool waits until a filler was heard. `silent`: no filler at all, not even a plan's.
    """

    fillers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    file: str = ""
    loops: int | None = None
    first: bool = False
    silent: bool = False


NOTHING_MEANWHILE = Meanwhile()
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
    meanwhile: Meanwhile = NOTHING_MEANWHILE
