"""Actions that end the talk: hangup, stop, transfer."""

from collections.abc import Mapping
from typing import Any

from .documents import leave
from .doing import Action, Doing
from .values import text, true


async def hangup(doing: Doing, value: Any) -> None:
    """At once, in the middle of a word; a text is the reason, as the verb has it."""
    if value is False:
        return
    step = {"hangup": {"reason": value}} if value in ("busy", "decline") else "hangup"
    outcome = await doing.perform(step)
    doing.ends_talk = outcome.ok


async def stop(doing: Doing, value: Any) -> None:
    """The talk ends; the plan goes on behind it."""
    doing.ends_talk = doing.ends_talk or true(value)


async def transfer(doing: Doing, value: Any) -> None:
    """Go on at a section, a document or a party in the place of the talk. `true` alone says
    nothing: it belongs beside SWML.
    """
    dest = value.get("dest") if isinstance(value, Mapping) else value
    if isinstance(dest, bool):
        return
    raw = {"sections": {"main": [{"transfer": {"dest": text(dest)}}]}}
    document = doing.call.services.documents.read(raw, f"function {doing.function}")
    await leave(doing, document)


def transfers(value: Any, beside: Any) -> bool:
    """Does a document end the talk? `transfer` stands inside it or beside it."""
    inside = value.get("transfer") if isinstance(value, Mapping) else None
    return true(beside) or true(inside)


LEAVING: Mapping[str, Action] = {"hangup": hangup, "stop": stop, "transfer": transfer}
