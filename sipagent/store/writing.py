"""Writing events and records: how each kind of database takes many rows at once."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Text, cast, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from sipagent.call.cdr import Cdr
from sipagent.events import ANY_EVENT, Event

from .ahead import Kept, text_of
from .database import Written
from .tables import CALLS, EVENTS

#: documents as text: they are read by the model they are of, faster than by a reader of any JSON
EVENT_TEXT = cast(EVENTS.c.data, Text)
RECORD_TEXT = cast(CALLS.c.record, Text)
_INTO = "INSERT INTO events (call_id, position, data)"
#: one that is there is there: somebody was killed, or given up, after the database had it
_ONCE = "ON CONFLICT (call_id, position) DO NOTHING"
_TO_SQLITE = f"{_INTO} VALUES (?, ?, ?) {_ONCE}"
#: three parameters for any number of rows: a statement each is what takes time
_TO_POSTGRES = text(
    f"{_INTO} SELECT call, place, CAST(said AS json) FROM unnest(CAST(:calls AS text[]), "  # noqa: S608
    f"CAST(:positions AS bigint[]), CAST(:texts AS text[])) AS row (call, place, said) {_ONCE}"
)


def _upsert(into: Any) -> Any:
    new = {column.name: into.excluded[column.name] for column in CALLS.c if not column.primary_key}
    return into.on_conflict_do_update(index_elements=["call_id"], set_=new)


_UPSERT = {
    "postgresql": _upsert(postgresql.insert(CALLS)),
    "sqlite": _upsert(sqlite.insert(CALLS)),
}


async def put_events(connection: AsyncConnection, batch: Sequence[Kept]) -> None:
    """Insert those that are not there."""
    if connection.dialect.name == "postgresql":
        columns = {
            "calls": [kept.event.call_id for kept in batch],
            "positions": [kept.position for kept in batch],
            "texts": [kept.text for kept in batch],
        }
        await connection.execute(_TO_POSTGRES, columns)
    else:
        rows = [(kept.event.call_id, kept.position, kept.text) for kept in batch]
        await connection.exec_driver_sql(_TO_SQLITE, rows)


async def put_records(connection: AsyncConnection, records: Iterable[Cdr], node: str = "") -> None:
    """Insert records, or put them in place of what was known of their calls. `node` took them."""
    # in one order, whoever writes: two that want the same rows must not wait for one another
    rows = [
        _row(record) | {"node": node}
        for record in sorted(records, key=lambda record: record.call_id)
    ]
    if not rows:
        return
    await connection.execute(_UPSERT[connection.dialect.name], rows)


async def get_events(connection: AsyncConnection, call_id: str) -> list[Event]:
    """Everything that happened in a call, in order."""
    wanted = select(EVENT_TEXT).where(EVENTS.c.call_id == call_id).order_by(EVENTS.c.position)
    return [ANY_EVENT.validate_json(row) for row in await connection.scalars(wanted)]


def _row(record: Cdr) -> dict[str, Any]:
    words = {name: getattr(record, name) for name in ("call_id", "caller", "callee", "plan")}
    return {
        **{name: word.replace("\0", "\ufffd") for name, word in words.items()},
        "started": record.started or record.ended,
        "status": record.status,
        "direction": record.direction,
        "ended": record.ended,
        "ended_by": record.ended_by,
        "duration": record.duration,
        "record": Written(text_of(record)),
    }
