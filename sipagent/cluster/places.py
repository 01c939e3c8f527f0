"""What nodes say of places that calls of one hold at another: the messages, and who holds what."""

from sipagent.call.meeting import Attend, Notice, Serve, Wait, Wish

from .bus import Message


class Spot(Message):
    """A place of a call, as its own node numbers it: which worker, and which of its places."""

    token: str
    place: int


class Wished(Message):
    """A call wishes for a place; or had it, for `seconds`, and meets others in `room`."""

    spot: Spot
    wish: Wish
    seconds: float | None = None
    room: str = ""


class Answered(Message):
    """How it came out when a queue's members were rung."""

    spot: Spot
    answered: str | None


class Vacated(Message):
    """A call gives a place back."""

    spot: Spot


class Word(Message):
    """Something a node says to the home of a place; what it says is taken in that order."""

    node: str
    said: Wished | Answered | Vacated


class News(Message):
    """What the home says to the holder of a place."""

    spot: Spot
    notice: Notice


class Roll(Message):
    """All the places a node's calls have at this home: those not among them are given back."""

    node: str
    spots: tuple[Spot, ...]


class Strangers(Message):
    """Those of a roll that the home does not know: it was started anew, perhaps."""

    spots: tuple[Spot, ...]


def hall_of(wish: Wish) -> str:
    """What one node, its home, holds as a whole: a conference, a queue, all of parking."""
    match wish:
        case Attend():
            return f"conference:{wish.name}"
        case Wait() | Serve():
            return f"queue:{wish.queue}"
        case _:
            return "parking"
