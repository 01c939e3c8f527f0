"""Captions: what a page is shown of its call's events."""

from typing import Any, Literal

from sipagent.events import Event, Said

#: nothing, what is said, or every event
Sees = Literal["nothing", "said", "all"]


def shown(event: Event, sees: Sees) -> dict[str, Any] | None:
    """An event as data, or None where this page is not to see it."""
    if sees == "nothing" or (sees == "said" and not isinstance(event, Said)):
        return None
    data: dict[str, Any] = event.model_dump(mode="json")
    return data
