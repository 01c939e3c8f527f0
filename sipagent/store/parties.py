"""Parties: the calls one person had, found in the database however their number was written."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from sipagent.call.cdr import Cdr

from .database import Database, answering
from .memories import caller_of
from .tables import CALLS, EVENTS
from .traces import Who
from .writing import RECORD_TEXT

#: calls looked through by a statement, whose time is bounded
_PAGE = 1_000
#: these may stand between the digits of a number
_BETWEEN = (*" ().-/", "%20")


@dataclass(slots=True)
class Calls:
    """Ids of calls: which they made, in which they were another party (called, or transferred to),
    when each began, and those without an end. `names` is how they are written in those they made.
    """

    made: set[str] = field(default_factory=set)
    met: set[str] = field(default_factory=set)
    began: dict[str, datetime] = field(default_factory=dict)
    unfinished: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)


async def calls_of(database: Database, who: Who) -> Calls:
    """Look through every call on record, a page at a time. Raises SipAgentError."""
    found, first = Calls(), ""
    while True:
        with answering():
            async with database.begin() as connection:
                last = await connection.scalar(
                    select(CALLS.c.call_id)
                    .where(CALLS.c.call_id > first)
                    .order_by(CALLS.c.call_id)
                    .offset(_PAGE - 1)
                    .limit(1)
                )
                await _look(connection, who, found, first, last)
        if last is None:
            return found
        first = last


async def _look(
    connection: AsyncConnection, who: Who, found: Calls, first: str, last: str | None
) -> None:
    """One page: from behind `first` to `last`, or to the end."""
    needles = tuple(_needles(who))

    def page(call_id: ColumnElement[str]) -> ColumnElement[bool]:
        return and_(call_id > first, call_id <= last if last is not None else true())

    calls = select(CALLS.c.call_id, RECORD_TEXT).where(
        page(CALLS.c.call_id), _holds(cast(CALLS.c.record, String), needles)
    )
    for call_id, record in await connection.execute(calls):
        _sort(found, who, call_id, Cdr.model_validate_json(record))
    data = EVENTS.c.data
    remote = data["remote"].as_string()
    legs = select(EVENTS.c.call_id, remote).where(
        page(EVENTS.c.call_id), data["type"].as_string() == "leg_changed", _holds(remote, needles)
    )
    for call_id, name in await connection.execute(legs):
        if call_id not in found.made and who.is_(name):
            found.met.add(call_id)


def _sort(found: Calls, who: Who, call_id: str, record: Cdr) -> None:
    if who.is_(record.caller):
        found.made.add(call_id)
        found.names.add(caller_of(record.caller))
    elif who.is_(record.callee) or any(who.is_(t.target) for t in record.transfers):
        found.met.add(call_id)
    else:
        return
    if (began := record.started or record.ended) is not None:
        found.began[call_id] = began
    if record.ended is None:
        found.unfinished.add(call_id)


def _needles(who: Who) -> Iterator[str]:
    """What stands in every text that names them, once what stands between digits is away."""
    for each in who.spellings:
        if not any(other != each and other in each for other in who.spellings):
            yield each.partition("@")[0]


def _holds(column: ColumnElement[Any], needles: tuple[str, ...]) -> ColumnElement[bool]:
    bare = reduce(lambda text, mark: func.replace(text, mark, ""), _BETWEEN, column)
    both = [bare.icontains(each, autoescape=True) for each in needles]
    both += [column.icontains(each, autoescape=True) for each in needles]
    return or_(False, *both)
