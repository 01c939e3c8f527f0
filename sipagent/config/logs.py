"""Settings of the log: in which form, from which level up, and whether with what people say."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sipagent.log import Level

from .parts import Part

#: whose lines can have a level of their own
ROOMS = (
    "agent", "api", "app", "call", "cli", "cluster", "dialplan", "edge", "legs", "media", "meeting",
    "providers", "serving", "store", "tools", "verbs", "worker",
)  # fmt: skip


def _room(name: str) -> str:
    if name.partition(".")[0] not in ROOMS:
        raise ValueError(f"{name!r} is no room: {', '.join(ROOMS)}")
    return name


class Log(Part):
    """How the server talks about itself."""

    format: Literal["auto", "json", "console"] = "auto"
    level: Level = "info"
    levels: Mapping[Annotated[str, AfterValidator(_room)], Level] = Field(
        default_factory=dict,
        description="of a room (edge, worker, providers ...) or part of one (edge.trunks) alone",
    )
    personal: bool = Field(
        default=False, description="log digits, transcripts and tool arguments too"
    )
