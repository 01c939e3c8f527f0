"""check_time and wait_seconds: what o'clock it is, and a while in which nothing is said."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationError

from sipagent.call.control import CallControl
from sipagent.events import Event, SpeechStarted, Warned
from sipagent.tools.functions import complaint, lean_schema
from sipagent.tools.spec import ToolResult, ToolSpec

from ..parts import Part

CHECK_TIME, WAIT_SECONDS = "check_time", "wait_seconds"
_LONGEST = 60.0


class _Wait(Part):
    seconds: float = Field(gt=0, le=_LONGEST, description="how long")


def check_time(zone: str | None) -> ToolSpec:
    """The wall clock, in an IANA time zone or the server's."""

    async def invoke(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        now = _local(control, zone)
        return ToolResult(f"It is {now:%A, %d %B %Y, %H:%M:%S} ({now.tzname()}).")

    return ToolSpec(CHECK_TIME, "Look at the clock: date, weekday and time.", _NOTHING, invoke)


def wait_seconds() -> ToolSpec:
    """Silence until the time is over, or the caller speaks."""

    async def invoke(arguments: Mapping[str, Any], control: CallControl) -> ToolResult:
        try:
            wanted = _Wait.model_validate(dict(arguments))
        except ValidationError as error:
            return ToolResult(complaint(WAIT_SECONDS, error), ok=False)
        if await _caller_spoke(control, wanted.seconds):
            return ToolResult("The caller began to speak before the time was over.")
        return ToolResult(f"{wanted.seconds:g} seconds have passed.")

    about = "Wait in silence for some seconds, or until the caller speaks, where they asked to."
    # it bounds itself
    return ToolSpec(WAIT_SECONDS, about, lean_schema(_Wait), invoke, timeout=None)


_NOTHING: Mapping[str, Any] = {
    "type": "object",
    "properties": {},
    "additionalProperties": False,
}


async def _caller_spoke(control: CallControl, seconds: float) -> bool:
    spoke = asyncio.Event()

    def happened(event: Event) -> None:
        if isinstance(event, SpeechStarted) and event.speaker == "caller":
            spoke.set()

    unwatch = control.call.watch(happened)
    try:
        await asyncio.wait_for(spoke.wait(), seconds)
    except TimeoutError:
        return False
    finally:
        unwatch()
    return True


def _local(control: CallControl, zone: str | None) -> datetime:
    now = control.call.services.now()
    if zone is None:
        return now
    try:
        return now.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        detail = f"local_tz {zone[:60]!r} is no time zone; the server's is told"
        control.call.emit(Warned, code="swml", detail=detail)
        return now
