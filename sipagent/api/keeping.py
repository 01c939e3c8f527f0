"""Keeping records as everybody outside sees it: what goes when, holds, and erasing one caller."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from pydantic import Field

from .calls import OutsideError, Principal, Shown

Party = Literal["caller", "any"]


class NotOnRecord(OutsideError):
    """There is no such call on record, or it is not on hold."""

    status, kind = 404, "not-on-record"


class StillLive(OutsideError):
    """A call of theirs has not ended, or is still being written."""

    status, kind = 409, "still-live"


class Nobody(OutsideError):
    """Not a number or address of anybody."""

    status, kind = 422, "not-understood"


class ErasureWish(Shown):
    """Whose data is to go."""

    caller: str = Field(
        min_length=1, max_length=256, description="number or SIP address, in any spelling"
    )
    as_party: Party = Field(
        default="caller",
        description="any: also calls in which they were called, or transferred to",
    )
    dry_run: bool = Field(default=False, description="only say what there is")


class Found(Shown):
    """So many things of one kind in one place."""

    place: str
    what: str
    count: int


class NodeShare(Shown):
    """What another node of a cluster did of it. `waiting`: it does so as soon as it can."""

    node: str
    state: Literal["done", "left", "waiting", "looked"]
    why: str = Field(default="", description="why it waits")
    found: tuple[Found, ...] = ()
    erased: Mapping[str, int] = Field(default_factory=dict, description="things, by place")
    left: tuple[Found, ...] = ()


class Certificate(Shown):
    """What was found of one person and removed: counts, and nothing of who it is. `subject` is a
    hash of the number with this server's key: the same person's later erasure has the same.
    """

    version: Literal[1] = 1
    id: str
    at: datetime
    by: str
    subject: str
    as_party: Party
    dry_run: bool
    calls: int = Field(description="calls that go")
    other_party: int = Field(
        default=0, description="calls in which they were another party, and which stay"
    )
    on_hold: int = Field(default=0, description="calls of theirs that stay, since they are on hold")
    found: tuple[Found, ...] = ()
    erased: Mapping[str, int] = Field(default_factory=dict, description="things, by place")
    left: tuple[Found, ...] = Field(default=(), description="found afterwards; empty where done")
    nodes: tuple[NodeShare, ...] = Field(default=(), description="the others of a cluster, by name")
    complete: bool = Field(
        default=False,
        description="nothing is left at any node, but in the calls counted above that stay",
    )
    elsewhere: tuple[str, ...] = Field(default=(), description="where this server cannot look")


class HoldWish(Shown):
    """Why a call must stay."""

    why: str = Field(default="", max_length=1_000)


class HoldView(Shown):
    """A call no rule and no erasure removes."""

    call_id: str
    at: datetime
    by: str
    why: str


class RuleView(Shown):
    """`which` calls, and how long each kind of their data is kept."""

    which: str
    keep: Mapping[str, str]


class DueView(Shown):
    """How many calls, by kind of data, would lose it at a look at `at`."""

    at: datetime
    calls: Mapping[str, int]


class PrunedView(Shown):
    """One look, or what one would do: things that went, by kind, and bytes of files."""

    at: datetime
    dry_run: bool = False
    counts: Mapping[str, int] = Field(default_factory=dict)
    bytes_freed: int = 0
    database_unused: int = Field(
        default=0, description="bytes of the database's file that hold nothing and are used again"
    )
    problems: tuple[str, ...] = ()


class RetentionView(Shown):
    """The rules in force, what is due now and in a day, a week and a month, and what stays."""

    rules: tuple[RuleView, ...]
    every: float = Field(description="seconds between two looks")
    due: tuple[DueView, ...]
    holds: tuple[HoldView, ...]
    last: PrunedView | None = Field(default=None, description="the last look of this server")


class Keeper(Protocol):
    """The records of this server, as they go. All raise SipAgentError while the database does not
    answer.
    """

    async def retention(self) -> RetentionView:
        """What would go when."""
        ...

    async def erase(self, wish: ErasureWish, who: Principal) -> Certificate:
        """Remove all that is known of one person, or say what that is. Raises Nobody, StillLive."""
        ...

    async def hold(self, call_id: str, wish: HoldWish, who: Principal) -> HoldView:
        """Let nothing remove a call. Raises NotOnRecord."""
        ...

    async def release(self, call_id: str) -> None:
        """Let the rules have it again. Raises NotOnRecord."""
        ...

    async def holds(self) -> Sequence[HoldView]:
        """The oldest first."""
        ...
