"""Meeting other calls: what a call may wish for, and what it is told about the place it holds."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# wishes


class Attend(_Part):
    """A seat in a conference. `most` bounds its members, this one included."""

    kind: Literal["attend"] = "attend"
    name: str
    who: str = ""
    start_on_enter: bool = True
    end_on_exit: bool = False
    beep_on_enter: bool = False
    beep_on_exit: bool = False
    most: int = 100


class Park(_Part):
    """A parking slot: this one, or any that is free."""

    kind: Literal["park"] = "park"
    slot: str | None = None
    who: str = ""


class Retrieve(_Part):
    """To meet the call that is parked there."""

    kind: Literal["retrieve"] = "retrieve"
    slot: str
    who: str = ""


class Wait(_Part):
    """A place at the end of a queue."""

    kind: Literal["wait"] = "wait"
    queue: str
    who: str = ""


class Serve(_Part):
    """To meet the caller who waits longest in a queue, or the next to come."""

    kind: Literal["serve"] = "serve"
    queue: str
    who: str = ""


Wish = Annotated[Attend | Park | Retrieve | Wait | Serve, Field(discriminator="kind")]


# what the holder of a place is told


class Seated(_Part):
    """The wish is granted: `slot` where parked, `members` of the conference with this one."""

    type: Literal["seated"] = "seated"
    slot: str = ""
    members: int = 0


class Refused(_Part):
    """There is no such place; the status and words a SIP answer would have."""

    type: Literal["refused"] = "refused"
    status: int
    reason: str


class Meet(_Part):
    """Go into this room of the mixer that listens at `address`. `other` waits there."""

    type: Literal["meet"] = "meet"
    room: str
    address: str
    other: str = ""


class Company(_Part):
    """Somebody came into the conference or left it; `members` are those there now."""

    type: Literal["company"] = "company"
    change: Literal["entered", "left"]
    who: str
    members: int
    beep: bool = False


class Standing(_Part):
    """Where in the queue; 1 is next. `seconds` is the expected wait where it can be told."""

    type: Literal["standing"] = "standing"
    position: int
    size: int
    seconds: float | None = None


class Ring(_Part):
    """It is this caller's turn: ring these members of the queue at once, so long."""

    type: Literal["ring"] = "ring"
    targets: tuple[str, ...]
    seconds: float


class Over(_Part):
    """The place is no more."""

    type: Literal["over"] = "over"
    reason: str


Notice = Annotated[
    Seated | Refused | Meet | Company | Standing | Ring | Over, Field(discriminator="type")
]
