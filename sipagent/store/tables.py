"""Tables of the database: all of them, in one METADATA. A change here is a migration there."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Date, DateTime, Float, Index, Integer, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Tables(DeclarativeBase):
    """What every table of ours derives from, wherever it stands."""


class _Call(Tables):
    """One row a call. `record` holds the whole Cdr; the columns are what lists are ordered and
    narrowed by. A call whose beginning nobody saw stands where it ended; `ended` is empty while it
    lives.
    """

    __tablename__ = "calls"
    call_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    started: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), index=True)
    caller: Mapped[str]
    callee: Mapped[str]
    plan: Mapped[str] = mapped_column(index=True)
    status: Mapped[int | None]
    direction: Mapped[str] = mapped_column(String(16), server_default="inbound")
    ended: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_by: Mapped[str | None] = mapped_column(String(16))
    #: seconds from the answer to the end
    duration: Mapped[float] = mapped_column(Float, server_default="0")
    record: Mapped[dict[str, Any]] = mapped_column(JSON().with_variant(JSONB(), "postgresql"))
    #: that took the call and has its files; empty for a server that is alone
    node: Mapped[str] = mapped_column(String(64), server_default="")


class _Event(Tables):
    """One row an event; `data` is the event as JSON, as it was written and is read: whole.
    `position` is its place among all events: see `Kept`.
    """

    __tablename__ = "events"
    call_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)


class _Toll(Tables):
    """What one caller or trunk has used up on one day, by the node that counted it."""

    __tablename__ = "tolls"
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    node: Mapped[str] = mapped_column(String(64), primary_key=True)
    payer: Mapped[str] = mapped_column(String(256), primary_key=True)
    calls: Mapped[int] = mapped_column(Integer)
    seconds: Mapped[float] = mapped_column(Float)


class _Memory(Tables):
    """What one agent keeps of one caller; `who` is a keyed hash, `until` when it is forgotten."""

    __tablename__ = "memories"
    who: Mapped[str] = mapped_column(String(64), primary_key=True)
    agent: Mapped[str] = mapped_column(String(256), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    written: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


class _Bindings(Tables):
    """Where one phone of ours is, for all nodes: `held` is a list of bindings, the newest last,
    each with the node that took it and until when it holds; `change` counts what was written.
    Times are seconds since 1970, by the database's clock.
    """

    __tablename__ = "bindings"
    extension: Mapped[str] = mapped_column(String(64), primary_key=True)
    held: Mapped[list[Any]] = mapped_column(JSON)
    change: Mapped[int] = mapped_column(Integer)
    until: Mapped[float] = mapped_column(Float(53), index=True)
    written: Mapped[float] = mapped_column(Float(53), index=True)


class _Lease(Tables):
    """What one node at a time may have; `until` is in seconds since 1970 of the database's clock,
    `term` counts holders.
    """

    __tablename__ = "leases"
    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    holder: Mapped[str] = mapped_column(String(128))
    until: Mapped[float] = mapped_column(Float(53))
    term: Mapped[int] = mapped_column(Integer)


class _Keeping(Tables):
    """A call on legal hold (`hold`), or what of a call is gone already by rule; see `retention`."""

    __tablename__ = "keepings"
    call_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    by: Mapped[str] = mapped_column(String(256))
    why: Mapped[str] = mapped_column(Text)


class _Erasure(Tables):
    """What a node has still to erase; `subject` says of whom, and goes with the row."""

    __tablename__ = "erasures"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    node: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    subject: Mapped[dict[str, Any]] = mapped_column(JSON)


METADATA = Tables.metadata
_LIVE = text("ended IS NULL")
CALLS, EVENTS = METADATA.tables["calls"], METADATA.tables["events"]
Index("ix_calls_live", CALLS.c.started, postgresql_where=_LIVE, sqlite_where=_LIVE)
TOLLS, MEMORIES = METADATA.tables["tolls"], METADATA.tables["memories"]
BINDINGS = METADATA.tables["bindings"]
LEASES = METADATA.tables["leases"]
KEEPINGS = METADATA.tables["keepings"]
ERASURES = METADATA.tables["erasures"]
