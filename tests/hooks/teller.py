"""The part of a gateway that events pass, to be killed: ledger, store and webhooks in a process.

Tells the events of some calls, over and over from where the last one was killed, as workers do that
were not told that their event is safe.
"""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sipagent.app.hooks import Webhooks
from sipagent.app.ledger import Ledger
from sipagent.config import Webhook
from sipagent.events import CallEnded, CallStarted, Event, Said
from sipagent.store.journal import Journal
from sipagent.store.records import Store

CALLS, LINES = 4, 30
_BEGIN = datetime(2026, 7, 14, 10, tzinfo=UTC)


def story() -> list[Event]:
    """Calls that go on at the same time; the same in every process."""
    told: list[Event] = []
    for n in range(LINES + 2):
        for number in range(CALLS):
            base = {"call_id": f"call{number}", "at": _BEGIN + timedelta(seconds=n), "t": n}
            if n == 0:
                told.append(CallStarted.model_validate({**base, "caller": "a", "callee": "b"}))
            elif n > LINES:
                told.append(CallEnded.model_validate(base))
            else:
                said = {"speaker": "caller", "text": f"line {n}", "start": n, "end": n + 1}
                told.append(Said.model_validate({**base, **said}))
    return told


async def main(folder: Path, url: str) -> None:
    """Tell all of it, and leave `done` when the receiver has it."""
    settings = {"url": url, "secret_file": str(folder / "secret"), "events": "all"}
    hook = Webhook.model_validate({**settings, "retry_seconds": 0.05, "timeout": 1})
    journal = Journal(folder / "journal.jsonl")
    journal.open()
    store = Store(f"sqlite+aiosqlite:///{folder}/calls.sqlite3", folder / "events.jsonl")
    ledger = Ledger(store, personal=False, journal=journal)
    hooks = Webhooks({"crm": hook}, folder / "webhooks", plan_of=ledger.plan_of, tell=ledger.noted)
    ledger.listeners.append(hooks.happened)
    ledger.on_record = hooks.recorded
    await store.open()
    await hooks.start()
    await ledger.restore(None)
    progress = os.open(folder / "progress", os.O_RDWR | os.O_APPEND | os.O_CREAT)
    for event in story()[os.fstat(progress).st_size :]:
        if isinstance(event, CallStarted) and ledger.record(event.call_id) is None:
            ledger.open(event.call_id, "", folder / event.call_id)
        ledger.happened(event)
        os.write(progress, b".")
        await asyncio.sleep(0.005)
    while journal.all("call") or hooks.views()[0].waiting:
        await asyncio.sleep(0.05)
    (folder / "done").touch()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
