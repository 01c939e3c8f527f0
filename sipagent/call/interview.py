"""Interview: what a tool still wants to know, asked of the caller while the tool waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to ask, in the words it is asked by. `choices` belong to type choice."""

    key: str
    question: str
    type: Literal["string", "number", "email", "date", "yes_no", "choice"] = "string"
    choices: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Answers:
    """What came of it: "accept" with a value for each key that was answered; "decline" where the
    caller did not want to; "cancel" where they were silent or not understood.
    """

    action: Literal["accept", "decline", "cancel"]
    values: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Interviewer(Protocol):
    """A presence that can ask for more than a yes."""

    async def interview(self, opening: str, fields: Sequence[Field]) -> Answers:
        """Ask one after another, `opening` before the first; without fields, only whether the
        caller agrees. Never raises for what callers do.
        """
        ...
