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
