"""A search as SQL, for the databases there may be."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from sipagent.call.search import Search
from sipagent.events import CallEnded, CallStarted, LegChanged, Said
from sipagent.store.records import Store
from sipagent.store.search import query
from sipagent.store.tolls import TollBook

EVERYTHING = Search(
    since=datetime(2026, 1, 1),
    until=datetime(2026, 2, 1, tzinfo=UTC),
    caller="50%",
    plan="day",
    direction="inbound",
    state="ended",
    status="4xx",
    ended_by="plan",
    min_duration=1.5,
    text="umbrella",
)


@pytest.mark.parametrize("url", ["postgresql+asyncpg://", "sqlite+aiosqlite://"])
def test_every_key_is_asked_of_the_database_and_none_is_written_into_the_query(url: str) -> None:
    dialect = make_url(url).get_dialect()()
    asked = query(EVERYTHING, 50).compile(dialect=dialect)
    values = {str(value) for value in asked.params.values()}
    assert {"50/%", "day", "inbound", "plan", "umbrella", "said", "1.5", "400", "499"} <= values
    assert "umbrella" not in str(asked)
    assert datetime(2026, 1, 1, tzinfo=UTC) in asked.params.values()
    assert "ESCAPE" in str(asked)


BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


async def three_calls(store: Store) -> None:
    """`long` came in and was answered, `busy` went out an hour later, `live` another hour later
    and goes on.
    """
    for hour, (name, direction, caller) in enumerate(
        [("long", "inbound", "+4420_1"), ("busy", "outbound", "desk"), ("live", "inbound", "%")]
    ):
        at = BEGIN + timedelta(hours=hour)
        base: dict[str, Any] = {"call_id": name, "at": at}
        began = {"direction": direction, "caller": caller, "callee": f"10{hour}", "plan": name}
        store.append(CallStarted.model_validate(base | began))
        said = {"long": "An Umbrella, please", "busy": "100% of it", "live": "hello"}[name]
        store.append(Said(**base, speaker="caller", text=said, start=0, end=1))
        if name == "live":
            continue
        over = at + timedelta(seconds=90.5)
        if name == "long":
            store.append(LegChanged(**base, leg="1", remote="x", state="confirmed"))
        status, by = (200, "caller") if name == "long" else (486, "system")
        ended = {"call_id": name, "at": over, "status": status, "by": by}
        store.append(CallEnded.model_validate(ended))
    await store.flush()


WANTED: list[tuple[dict[str, Any], str]] = [
    ({}, "live busy long"),
    ({"since": BEGIN + timedelta(hours=1)}, "live busy"),
    ({"since": "2026-03-02T10:00:00+01:00", "until": "2026-03-02T10:00:00Z"}, "long"),
    ({"caller": "20_1"}, "long"),
    ({"caller": "%"}, "live"),
    ({"callee": "101"}, "busy"),
    ({"plan": "long"}, "long"),
    ({"direction": "outbound"}, "busy"),
    ({"state": "live"}, "live"),
    ({"state": "ended"}, "busy long"),
    ({"status": "4xx"}, "busy"),
    ({"status": "200"}, "long"),
    ({"ended_by": "system"}, "busy"),
    ({"min_duration": 90.5}, "long"),
    ({"min_duration": 91}, ""),
    ({"text": "umbrella"}, "long"),
    ({"text": "100%"}, "busy"),
    ({"text": "umbrella", "direction": "outbound"}, ""),
]


async def test_keys_find_what_they_say_in_any_database(database: str, tmp_path: Path) -> None:
    store = Store(database, tmp_path / "events")
    await store.open()
    await three_calls(store)
    for keys, names in WANTED:
        found = await store.search(Search.model_validate(keys))
        assert " ".join(cdr.call_id for cdr in found.calls) == names, keys
    [page] = (await store.search(Search(), 1)).calls
    after = (await store.search(Search(), 1)).after
    assert page.call_id == "live"
    assert [cdr.call_id for cdr in (await store.search(Search(), 5, after)).calls] == [
        *("busy", "long")
    ]
    await store.close()


async def test_tolls_are_put_in_place_of_those_there_were_in_any_database(database: str) -> None:
    book, today, before = TollBook(database), date(2026, 3, 2), date(2026, 3, 1)
    assert await book.read(today) == {}
    assert await book.write({(today, "201"): (1, 2.5), (before, "201"): (9, 9.0)})
    assert await book.write({(today, "201"): (2, 61.5), (today, "trunk" * 99): (1, 0.0)})
    assert await book.read(today) == {"201": (2, 61.5), ("trunk" * 99)[:256]: (1, 0.0)}
    assert await book.read(before) == {"201": (9, 9.0)}
    await book.close()
