"""Settings of webhooks: who is told of calls by HTTP, of what, and how they know that it is us."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, AnyHttpUrl, Field, SecretStr, model_validator

from sipagent.events import EVENT_TYPES

from .parts import OneOrMore, Part

#: the record of a call, told once it is whole: no event, so it has a name of its own
RECORD = "call_record"
#: what nobody is told: a webhook's own troubles would be told by it, and then those; and guesses,
#: which no disk keeps
UNTOLD = frozenset({"webhook_changed", "interim"})
GROUPS: Mapping[str, frozenset[str]] = {
    "calls": frozenset({"call_started", "call_ended", RECORD}),
    "legs": frozenset({"leg_changed", "leg_held", "leg_media"}),
    "talk": frozenset(
        {"said", "barge_in", "turn_latency", "agent_changed", "step_changed", "gathered",
         "language_changed", "summarised"}
    ),
    "tools": frozenset({"tool_called", "tool_returned", "mcp_called"}),
    "control": frozenset(
        {"policy_decided", "verb_done", "outside_asked", "hold_changed", "meeting_changed",
         "drive_changed"}
    ),
    "recordings": frozenset(
        {"recording_started", "recording_paused", "recording_stopped", "consent_changed",
         "tap_started", "tap_stopped"}
    ),
    "keys": frozenset({"digit_received", "secure_entry", "message_received"}),
    "trouble": frozenset({"warned", "provider_failed", "limit_reached", "mcp_server_changed"}),
    "all": frozenset({RECORD, *EVENT_TYPES}) - UNTOLD,
}  # fmt: skip
_USUAL = ("calls", "recording_stopped", "summarised", "message_received", "user_event")


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in GROUPS and name not in GROUPS["all"]:
            raise ValueError(
                f"{name!r} is neither a type of event nor one of {', '.join(sorted(GROUPS))}"
            )
    return names


class Webhook(Part):
    """Somebody who is told. The secrets stand in the environment or in files, the newest first:
    all of them sign, so that a receiver can change from one to the next.
    """

    url: AnyHttpUrl
    events: Annotated[tuple[str, ...], OneOrMore, AfterValidator(_known)] = Field(
        default=_USUAL, description="types of events, and groups of them"
    )
    secret_env: Annotated[tuple[str, ...], OneOrMore] = Field(
        default=(), description="environment variables that hold a secret each"
    )
    secret_file: Annotated[tuple[Path, ...], OneOrMore] = Field(
        default=(), description="files that hold a secret each, alone"
    )
    headers: Mapping[str, SecretStr] = Field(
        default_factory=dict, description="sent along; values are secrets: use ${env:...}"
    )
    plans: Annotated[tuple[str, ...], OneOrMore] = Field(
        default=(), description="only calls of these plans; default: of all, and what is of none"
    )
    personal: bool = Field(
        default=False, description="tell what people said, pressed and were told, too"
    )
    timeout: float = Field(default=10.0, gt=0, le=60, description="seconds for each attempt")
    retry_seconds: float = Field(
        default=1.0, gt=0, le=300, description="after a first failure; doubles up to five minutes"
    )
    give_up_after: float = Field(
        default=259_200.0, gt=0, description="seconds after which an event is not tried any more"
    )
    at_once: int = Field(default=4, ge=1, le=64, description="requests at a time; of a call: one")
    per_second: float = Field(
        default=50.0, gt=0, description="requests at most, so that a long queue costs calls nothing"
    )
    spool_bytes: int = Field(
        default=67_108_864, ge=65_536, description="on disk; above: the oldest events are dropped"
    )

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if not self.secret_env and not self.secret_file:
            raise ValueError(
                "needs secret_env or secret_file: `sipagent webhooks secret` makes one"
            )
        return self

    @cached_property
    def types(self) -> frozenset[str]:
        """What it is told of."""
        return frozenset[str]().union(*(GROUPS.get(name, {name}) for name in self.events))


def anchored(webhooks: Mapping[str, Webhook], folder: Path) -> dict[str, Webhook]:
    """With the files of their secrets relative to a folder."""

    def whole(paths: Iterable[Path]) -> tuple[Path, ...]:
        return tuple((folder / path).absolute() for path in paths)

    return {
        name: hook.model_copy(update={"secret_file": whole(hook.secret_file)})
        for name, hook in webhooks.items()
    }
