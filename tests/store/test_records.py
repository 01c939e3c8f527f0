"""The database of calls."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sipagent.call.search import Search
from sipagent.errors import ConfigError, SipAgentError
from sipagent.events import CallEnded, CallStarted, Event, LegChanged, Said, ToolCalled
from sipagent.store.records import QUEUE, Store
from sipagent.store.search import BadCursor

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def call(call_id: str, minute: int = 0, plan: str = "reception") -> list[Event]:
    at = BEGIN + timedelta(minutes=minute)
    return [
        CallStarted(call_id=call_id, at=at, caller="sip:a@x", callee="sip:1@y", plan=plan),
        LegChanged(call_id=call_id, at=at, leg="1", remote="sip:a@x", state="confirmed"),
        Said(call_id=call_id, at=at, speaker="caller", text="hello <&> 'grüß'", start=1, end=9),
        CallEnded(call_id=call_id, at=at + timedelta(seconds=30), by="agent"),
    ]


def url(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder / 'calls.sqlite3'}"


@asynccontextmanager
async def opened(folder: Path, database: str | None = None) -> AsyncIterator[Store]:
    store = Store(database or url(folder), folder / "events")
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def test_a_call_can_be_read_back_event_by_event(tmp_path: Path, database: str) -> None:
    async with opened(tmp_path, database) as store:
        for event in call("c1"):
            store.append(event)
        await store.flush()
        assert await store.events("c1") == call("c1")
        cdr = await store.call("c1")
    assert cdr is not None
    assert (cdr.duration, cdr.ended_by, cdr.turns) == (30.0, "agent", {"caller": 1})


async def test_a_call_that_still_runs_is_listed(tmp_path: Path, database: str) -> None:
    async with opened(tmp_path, database) as store:
        for event in call("c1")[:2]:
            store.append(event)
        await store.flush()
        (cdr,) = (await store.search()).calls
    assert cdr.answered is not None
    assert cdr.reason == "unfinished"


async def test_calls_come_newest_first_in_pages_and_by_plan(tmp_path: Path, database: str) -> None:
    async with opened(tmp_path, database) as store:
        for minute in range(5):
            for event in call(f"c{minute}", minute, "night" if minute == 3 else "day"):
                store.append(event)
        await store.flush()
        first = await store.search(limit=2)
        assert [c.call_id for c in first.calls] == ["c4", "c3"]
        for event in call("c9", 9):
            store.append(event)  # what comes meanwhile moves nothing
        await store.flush()
        second = await store.search(limit=2, after=first.after)
        assert [c.call_id for c in second.calls] == ["c2", "c1"]
        last = await store.search(limit=2, after=second.after)
        assert ([c.call_id for c in last.calls], last.after) == (["c0"], "")
        with pytest.raises(BadCursor):
            await store.search(after="nowhere")
        night = await store.search(Search(plan="night"))
        assert [c.call_id for c in night.calls] == ["c3"]


async def test_a_call_nobody_knows_is_none(tmp_path: Path, database: str) -> None:
    async with opened(tmp_path, database) as store:
        assert await store.call("nobody") is None
        assert await store.events("nobody") == []


async def test_closing_writes_what_is_left_and_opening_finds_it(
    tmp_path: Path, database: str
) -> None:
    async with opened(tmp_path, database) as store:
        for event in call("c1"):
            store.append(event)
    async with opened(tmp_path, database) as store:
        assert len(await store.events("c1")) == 4


async def test_what_a_database_has_no_text_for_is_replaced(tmp_path: Path, database: str) -> None:
    """A model can write both: NUL, and half a pair of surrogates."""
    odd = json.loads('{"half": "a\\ud83db", "nul": "a\\u0000b", "path": "c:\\\\u0000"}')
    asked = ToolCalled(call_id="c1", id="1", tool="note", arguments=odd)
    async with opened(tmp_path, database) as store:
        for event in (*call("c1")[:3], asked, call("c1")[3]):
            store.append(event)
        await store.flush()
        events = await store.events("c1")
        assert len(events) == 5 and isinstance(events[3], ToolCalled)
        replaced = {"half": "a\ufffdb", "nul": "a\ufffdb", "path": "c:\\u0000"}
        assert events[3].arguments == replaced
        found = await store.search(Search(text="hello"))
        assert [cdr.call_id for cdr in found.calls] == ["c1"]


async def test_sqlite_is_written_ahead(tmp_path: Path) -> None:
    async with opened(tmp_path):
        with closing(sqlite3.connect(tmp_path / "calls.sqlite3")) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_a_dead_database_stops_nothing_and_is_named_once(tmp_path: Path) -> None:
    dead = f"sqlite+aiosqlite:///{tmp_path / 'no' / 'such' / 'folder.sqlite3'}"
    with capture_logs() as logs:
        async with opened(tmp_path, dead) as store:
            for event in call("c1"):
                store.append(event)
                await store.flush()
            with pytest.raises(SipAgentError, match="does not answer"):
                await store.search()
    failed = [line for line in logs if line["event"] == "store_failed"]
    assert len(failed) == 1
    assert "unable to open" in failed[0]["cause"]
    assert len(kept(tmp_path)) == 4


def kept(folder: Path) -> list[str]:
    """Lines on disk that a database is to have."""
    files = sorted(folder.glob("events.*.ahead"))
    return [line for file in files for line in file.read_text().splitlines()]


async def test_missed_events_are_taken_in_by_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    dead = f"sqlite+aiosqlite:///{folder / 'calls.sqlite3'}"
    async with opened(tmp_path, dead) as store:
        for event in call("c1"):
            store.append(event)
    [segment] = tmp_path.glob("events.*.ahead")
    segment.write_text(segment.read_text() + '{"n":12,"event":{"type": "said", "call_')  # killed
    folder.mkdir()
    async with opened(tmp_path, dead) as store:
        assert await store.events("c1") == call("c1")
        assert await store.call("c1") is not None
    assert kept(tmp_path) == []


async def test_what_an_older_release_left_is_taken_in_once(tmp_path: Path) -> None:
    first, *rest = call("c1")
    async with opened(tmp_path) as store:  # the database had the first before the kill
        store.append(first)
    with closing(sqlite3.connect(tmp_path / "calls.sqlite3")) as database, database:
        database.execute("UPDATE events SET position = 1")  # as migrations number events
    lines = "".join(event.model_dump_json() + "\n" for event in (first, *rest))
    (tmp_path / "events").write_text(lines + '{"type": "said", "call_')
    async with opened(tmp_path) as store:
        assert await store.events("c1") == call("c1")
    assert not (tmp_path / "events").exists()


async def test_a_database_that_comes_back_is_used_again(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    late = f"sqlite+aiosqlite:///{folder / 'calls.sqlite3'}"
    with capture_logs() as logs:
        async with opened(tmp_path, late) as store:
            store.append(call("lost")[0])
            await store.flush()
            folder.mkdir()
            for event in call("c1"):
                store.append(event)
            await store.flush()
            assert [c.call_id for c in (await store.search()).calls] == ["c1"]
            store.append(call("c2")[0])  # and with the next, what it had missed
            await store.flush()
            assert {c.call_id for c in (await store.search()).calls} == {"lost", "c1", "c2"}
    assert [line["event"] for line in logs] == ["store_failed", "store_recovered"]


async def test_what_a_full_queue_has_no_room_for_waits_on_disk(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        event = call("c1")[2]
        for _ in range(QUEUE + 3):  # no await: the writer has no turn
            store.append(event)
        await store.flush()
        store.append(event)
        await store.flush()
        assert len(await store.events("c1")) == QUEUE + 4
    assert kept(tmp_path) == []


async def test_appending_does_not_wait_for_a_locked_database(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        with closing(sqlite3.connect(tmp_path / "calls.sqlite3")) as other:
            other.execute("BEGIN IMMEDIATE")
            for event in call("c1"):
                store.append(event)
            flushed = asyncio.create_task(store.flush())
            await asyncio.sleep(0)
            assert not flushed.done()
            other.rollback()
        await flushed
        assert len(await store.events("c1")) == 4


async def test_a_row_that_cannot_be_read_holds_up_its_own_call_alone(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        with closing(sqlite3.connect(tmp_path / "calls.sqlite3")) as database, database:
            database.execute("INSERT INTO events VALUES ('c1', 1, '{\"type\": \"nonsense\"}')")
        store.append(call("c1")[3])
        await store.flush()
        for event in call("c2"):
            store.append(event)
        await store.flush()
        assert await store.events("c2") == call("c2")
    assert len(kept(tmp_path)) == 1


@pytest.mark.parametrize("wrong", ["not a url", "nosuch+driver:///x", "sqlite:///x.sqlite3"])
def test_a_database_url_that_cannot_work_is_refused_at_start(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"store\.database"):
        Store(wrong, tmp_path / "spool.jsonl")


async def test_what_people_said_is_not_in_the_log_when_the_database_fails(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "calls.sqlite3")) as database:
        database.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, call_id TEXT)")
    with capture_logs() as logs:
        async with opened(tmp_path) as store:
            for event in call("c1"):
                store.append(event)
    assert [line["event"] for line in logs] == ["store_failed"]
    assert "no such column: data" in logs[0]["cause"]
    assert "hello" not in logs[0]["cause"]


def test_a_wrong_database_is_told_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Store("nosuchengine://me:secret@host/db", tmp_path / "spool.jsonl")
    assert "nosuchengine" in str(caught.value)
    assert "secret" not in str(caught.value)
