"""Searching calls: a search as SQL, and pages that stay where they are while calls come in."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select

from sipagent.call.cdr import Cdr
from sipagent.call.search import Search
from sipagent.errors import SipAgentError

from .tables import CALLS, EVENTS
from .writing import RECORD_TEXT


class BadCursor(SipAgentError):
    """Not a place in a list of ours."""


@dataclass(frozen=True, slots=True)
class Page:
    """Calls, the newest first; `after` is where the next page begins, empty after the last."""

    calls: tuple[Cdr, ...]
    after: str = ""


def query(wanted: Search, limit: int, after: str = "") -> Select[Any]:
    """The page that begins after a place, and one row more. Raises BadCursor."""
    found = select(CALLS.c.started, CALLS.c.call_id, RECORD_TEXT.label("record"))
    found = found.where(CALLS.c.started.is_not(None), *_conditions(wanted))
    if after:
        started, call_id = _place(after)
        # the first of them alone would do; an index finds its place by the second
        later = or_(CALLS.c.started < started, CALLS.c.call_id > call_id)
        found = found.where(later, CALLS.c.started <= started)
    return found.order_by(CALLS.c.started.desc(), CALLS.c.call_id).limit(limit + 1)


def page_of(rows: list[Any], limit: int) -> Page:
    """The rows of a `query` as a page."""
    calls = tuple(Cdr.model_validate_json(row.record) for row in rows[:limit])
    if len(rows) <= limit:
        return Page(calls)
    last = rows[limit - 1]
    return Page(calls, _cursor(last.started, last.call_id))


def _conditions(wanted: Search) -> Iterator[ColumnElement[bool]]:
    calls = CALLS.c
    if wanted.since is not None:
        yield calls.started >= wanted.since
    if wanted.until is not None:
        yield calls.started < wanted.until
    for name in ("caller", "callee"):
        if part := getattr(wanted, name):
            yield calls[name].icontains(part, autoescape=True)
    if wanted.plan:
        yield calls.plan == wanted.plan
    for name in ("direction", "ended_by"):
        if value := getattr(wanted, name):
            yield calls[name] == value
    if wanted.state is not None:
        over = calls.ended.is_not(None)
        yield over if wanted.state == "ended" else ~over
    if wanted.status.endswith("xx"):
        first = int(wanted.status[0]) * 100
        yield calls.status.between(first, first + 99)
    elif wanted.status:
        yield calls.status == int(wanted.status)
    if wanted.min_duration is not None:
        yield calls.duration >= wanted.min_duration
    if wanted.text:
        yield _said(wanted.text)


def _said(text: str) -> ColumnElement[bool]:
    """Somebody in the call said that. Databases fold the case of ASCII at least."""
    data = EVENTS.c.data
    spoken = data["text"].as_string().icontains(text, autoescape=True)
    of_call = EVENTS.c.call_id == CALLS.c.call_id
    said = data["type"].as_string() == "said"
    # with an offset PostgreSQL asks call by call, the newest first, until the page is full; it
    # would gather every call in which a common word was said
    return select(EVENTS.c.call_id).where(of_call, said, spoken).offset(0).exists()


def _cursor(started: datetime, call_id: str) -> str:
    # SQLite gives times back without their zone: they went in as UTC
    moment = started.replace(tzinfo=UTC) if started.tzinfo is None else started.astimezone(UTC)
    text = f"{moment.isoformat()} {call_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _place(cursor: str) -> tuple[datetime, str]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        moment, _, call_id = text.partition(" ")
        return datetime.fromisoformat(moment).astimezone(UTC), call_id
    except (binascii.Error, ValueError, OverflowError) as error:
        raise BadCursor("no place in this list: take it from the page before") from error
