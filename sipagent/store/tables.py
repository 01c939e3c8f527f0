"""Tables of the database: calls, one row each, and everything that happened in them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class _Tables(DeclarativeBase):
    pass


class _Call(_Tables):
    """One row a call. `record` holds the whole Cdr, and can be searched as well; the columns are
    what lists are ordered and most often narrowed by. A call whose beginning nobody saw stands
    where it ended.
    """

    __tablename__ = "calls"
    call_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    started: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), index=True)
    caller: Mapped[str]
    callee: Mapped[str]
    plan: Mapped[str] = mapped_column(index=True)
    status: Mapped[int | None]
    record: Mapped[dict[str, Any]] = mapped_column(JSON)


class _Event(_Tables):
    """One row an event; `data` is the event as JSON."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    call_id: Mapped[str] = mapped_column(String(128), index=True)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)


METADATA = _Tables.metadata
CALLS, EVENTS = METADATA.tables["calls"], METADATA.tables["events"]
