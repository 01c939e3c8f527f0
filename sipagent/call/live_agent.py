"""The agent that is talking, for everybody who has a word for it: functions, operators, clients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from .documents import Document


class TalkLog(Protocol):
    """What was said and done in one talk so far, in SWML's words and redacted as the call is. It
    may be read after the talk, too.
    """

    @property
    def session_id(self) -> str:
        """`ai_session_id`: a UUID of this talk alone."""
        ...

    def call_log(self) -> list[dict[str, Any]]:
        """What the mind knows now: entries of the roles system, user, assistant, tool and
        system-log, with `timestamp` in microseconds since the epoch.
        """
        ...

    def raw_call_log(self) -> list[dict[str, Any]]:
        """As `call_log`, with what the mind was made to forget."""
        ...

    def function_called(self, entry: Mapping[str, Any]) -> None:
        """A function was run outside: one entry of `swaig_log` (`command_name`, `command_arg`,
        `epoch_time`, `url`, `post_data`, `post_response`, ...).
        """
        ...

    def functions(self) -> Sequence[Mapping[str, Any]]:
        """`swaig_log` so far."""
        ...


@dataclass(frozen=True, slots=True)
class Exit:
    """A document that is run in the place of a talk that ended, in the name of `by`."""

    document: Document
    by: str


class LiveAgent(Protocol):
    """What can be asked of the agent in a call while it talks."""

    @property
    def log(self) -> TalkLog:
        """Of this talk."""
        ...

    async def say(self, text: str) -> None:
        """Say this in the agent's own voice at once, and wait until it was heard."""
        ...

    def tell(self, text: str, role: Literal["system", "user"] = "system") -> None:
        """A note for the mind, or words as if the caller had spoken them: it replies."""
        ...

    def leave(self, section: str | None = None, *, to: Exit | None = None) -> None:
        """End the talk now, in the middle of a word; the plan goes on, at `section` if named, or
        ends with what `to` says.
        """
        ...
