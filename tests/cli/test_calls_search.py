"""`sipagent calls` with what is looked for."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sipagent.events import CallEnded, CallStarted
from sipagent.store.records import Store
from sipagent.testing.program import Run

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


async def _kept(folder: Path) -> None:
    url = f"sqlite+aiosqlite:///{folder / 'sipagent.sqlite3'}"
    store = Store(url, folder / "calls" / "events.jsonl")
    await store.open()
    for n, status in enumerate((200, 404, 486)):
        at = BEGIN + timedelta(hours=n)
        caller = f"sip:10{n}@pbx.example"
        store.append(CallStarted(call_id=f"c{n}", at=at, caller=caller, callee="200", plan="p"))
        store.append(CallEnded(call_id=f"c{n}", at=at, status=status, by="plan"))
    await store.close()


def test_calls_are_narrowed_by_options(folder: Path, run: Run) -> None:
    asyncio.run(_kept(folder))

    def found(*options: str) -> list[str]:
        ran = run("calls", "--json", *options)
        assert ran.code == 0, ran.err
        return [record["call_id"] for record in ran.json]

    assert found() == ["c2", "c1", "c0"]
    assert found("--status", "4xx") == ["c2", "c1"]
    assert found("--from", "101@") == ["c1"]
    assert found("--since", "2026-03-02 10:00:00", "--until", "2026-03-02 11:00:00") == ["c1"]
    assert found("-n", "1", "--ended-by", "plan") == ["c2"]
    assert run("calls", "--text", "umbrella").out == "no such calls on record\n"
    wrong = run("calls", "--status", "7xx")
    assert wrong.code == 2
    assert "--status: String should match pattern" in " ".join(wrong.err.split())
