"""Due: which calls have something that is past its time, as SQL made of the rules."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select, true

from sipagent.config import KeepRule, Retention
from sipagent.config.retention import Kind, length_of

from .tables import CALLS, KEEPINGS

#: the kind under which a hold stands; the others are those of `retention`
HOLD = "hold"
#: a moment no call is before
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


#: where a page of calls ended: when the last one began, and its id
Place = tuple[datetime, str]


def due(
    kind: Kind,
    rules: Retention,
    now: datetime,
    oldest_live: datetime,
    after: Place | None = None,
) -> Select[Any] | None:
    """Beginning and id of calls of which this kind is past its time, the oldest first, from behind
    `after`; None where no rule says anything of the kind. A call without an end is live while it
    began after `oldest_live`.
    """
    limit = _limit(kind, rules, now)
    if limit is None:
        return None
    calls = CALLS.c
    over = or_(calls.ended.is_not(None), calls.started < oldest_live)
    behind: ColumnElement[bool] = true()
    if after is not None:
        beside = and_(calls.started == after[0], calls.call_id > after[1])
        behind = or_(calls.started > after[0], beside)
    return (
        select(calls.started, calls.call_id)
        .where(calls.started < limit, over, ~_marked(HOLD))
        .where(~_marked(kind) if kind != "records" else true(), behind)
        .order_by(calls.started, calls.call_id)
    )


def count_of(kind: Kind, rules: Retention, now: datetime, oldest_live: datetime) -> Select[Any]:
    """How many that are."""
    found = due(kind, rules, now, oldest_live)
    if found is None:
        return select(literal(0))
    return select(func.count()).select_from(found.order_by(None).subquery())


def _limit(kind: Kind, rules: Retention, now: datetime) -> ColumnElement[datetime] | None:
    """Calls that began before this are past their time."""
    cases = [
        (_fits(rule), literal(_before(getattr(rule, kind), now), CALLS.c.started.type))
        for rule in rules.all_rules
        if getattr(rule, kind)
    ]
    others = literal(_before(getattr(rules, kind), now), CALLS.c.started.type)
    if not cases:
        return others if length_of(getattr(rules, kind)) is not None else None
    return case(*cases, else_=others)


def _before(period: str | None, now: datetime) -> datetime:
    length = length_of(period)
    return _NEVER if length is None else now - length


def _fits(rule: KeepRule) -> ColumnElement[bool]:
    return and_(true(), *_conditions(rule))


def _conditions(rule: KeepRule) -> Iterator[ColumnElement[bool]]:
    calls = CALLS.c
    if rule.plan is not None:
        yield calls.plan == rule.plan
    if rule.direction is not None:
        yield calls.direction == rule.direction
    if rule.outcome is not None:
        answered = calls.record["answered"].as_string().is_not(None)
        yield answered if rule.outcome == "answered" else ~answered
    if rule.status.endswith("xx"):
        first = int(rule.status[0]) * 100
        yield calls.status.between(first, first + 99)
    elif rule.status:
        yield calls.status == int(rule.status)


def _marked(kind: str) -> ColumnElement[bool]:
    known = select(KEEPINGS.c.call_id)
    return known.where(KEEPINGS.c.call_id == CALLS.c.call_id, KEEPINGS.c.kind == kind).exists()
