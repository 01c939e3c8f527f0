"""Events of those who act on a call from outside: an API client, an MCP client, an operator."""

from typing import Literal

from .base import Base, PersonalData


class OutsideAsked(Base):
    """Somebody outside asked for a verb. `PolicyDecided` and `VerbDone` by the same tell what came
    of it; `origin` is the address the wish came from.
    """

    type: Literal["outside_asked"] = "outside_asked"
    by: str
    origin: str = ""
    verb: str
    arguments: PersonalData


class DriveChanged(Base):
    """A call is offered to programs outside in a context, one of them has taken it (`by`), or the
    offer is over: given back, taken by nobody, refused, or its driver was lost (`reason`).
    """

    type: Literal["drive_changed"] = "drive_changed"
    change: Literal["offered", "taken", "over"]
    context: str
    by: str = ""
    reason: str = ""
