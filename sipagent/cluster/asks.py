"""Asks: what nodes ask one another about their calls, and how it is answered."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from sipagent.api.calls import CallView, Line, Numbered, Origination, Page, Principal
from sipagent.events import ANY_EVENT

from .bus import Message

#: bytes of an answer: NATS takes a megabyte, and names and numbers come beside what is counted
ROOM = 600_000
#: bytes of a file in one answer
PIECE = 256 * 1024


def subject(node: str, ask: str) -> str:
    """Where a node is asked something."""
    return f"node.{node}.{ask}"


class Who(Message):
    """On whose behalf a node asks: its credentials on the bus are the border, the verbs are what
    it was permitted at the door of the node that asks.
    """

    by: str
    origin: str = ""
    verbs: frozenset[str] | None = None

    @classmethod
    def of(cls, who: Principal) -> "Who":
        """As it goes over the bus."""
        return cls(by=who.by, origin=who.origin, verbs=who.verbs)

    @property
    def principal(self) -> Principal:
        """As it acts there."""
        return Principal(self.by, self.origin, self.verbs)


class OfCall(Message):
    """About one call."""

    call_id: str


class Has(Message):
    """Whether a call lives there."""

    has: bool


class Settle(Message):
    """What is known goes on record now; said back when it has."""


class ListFrom(Message):
    """Calls that live there, from that place on."""

    start: int = 0


class Listed(Message):
    """`more`: there are others after them."""

    calls: tuple[CallView, ...]
    more: bool = False


class Do(OfCall):
    """Run a verb. `id` is what it is revoked by, `node` who asks: what nobody waits for any more
    is stopped.
    """

    id: str
    node: str
    verb: str
    arguments: Mapping[str, Any]
    who: Who


class Revoke(Message):
    """It is not wanted any more."""

    id: str


class Originate(Message):
    """Call somebody from there."""

    wish: Origination
    who: Who


class PageOf(Message):
    """Events after a number: of one call, or of all. Where there are none it waits so long."""

    call_id: str | None = None
    after: int | None = None
    seconds: float = Field(default=0.0, ge=0, le=30)
    most: int = Field(default=500, ge=1, le=1000)


class Item(Message):
    """A numbered event; None for a gap."""

    seq: int
    event: Mapping[str, Any] | None = None


class EventPage(Message):
    """`upto`: there is nothing more up to this number; `over`: nothing comes after it."""

    items: tuple[Item, ...]
    upto: int
    over: bool = False

    def page(self) -> Page:
        """As streams have it. What this release does not know is a gap."""
        items = [Numbered(item.seq, _event(item)) for item in self.items]
        return Page(items, self.upto, self.over)


class LinesFrom(OfCall):
    """A transcript from that line on."""

    start: int = 0


class Lines(Message):
    """`more`: there are others after them."""

    lines: tuple[Line, ...]
    more: bool = False


class RecordingOf(OfCall):
    """A finished recording, by name, or the newest."""

    name: str | None = None


class Recording(Message):
    """What there is of it; without a name, nothing."""

    name: str = ""
    size: int = 0
    modified: float = 0.0


class PieceOf(OfCall):
    """A part of a recording; answered with its bytes."""

    name: str
    offset: int = Field(ge=0)
    length: int = Field(ge=1, le=PIECE)


class Pack(OfCall):
    """Begin to make the zip of a call."""

    without: tuple[str, ...] = ()
    redact: bool = False


class Ticket(Message):
    """What is fetched by `id`, one piece after the other: answered with bytes, none at the end."""

    id: str


def _event(item: Item) -> Any:
    try:
        return None if item.event is None else ANY_EVENT.validate_python(item.event)
    except ValueError:
        return None
