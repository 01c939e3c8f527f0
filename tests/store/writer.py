"""A process that writes events to a store until it is killed, as a gateway does.

A line on stdin, `URL FOLDER CALL`, forks one, whose process id is said on stdout. It appends events
two and two alike, and when `append` has returned it adds a byte to `FOLDER/CALL.told`.
"""

import asyncio
import os
import random
import sys
from datetime import UTC, datetime
from pathlib import Path

from sipagent.events import CallStarted, Said
from sipagent.store.records import Store

_AT = datetime(2026, 7, 14, 10, tzinfo=UTC)


def said(call_id: str, number: int) -> Said:
    """The event of a number, as it is again in any process: each is like one beside it."""
    return Said(call_id=call_id, at=_AT, speaker="caller", text=f"{number // 2}", start=0, end=1)


async def write(url: str, folder: Path, call_id: str) -> None:
    """Append for ever, in bursts, at times waiting until the database has all."""
    store = Store(url, folder / "events.jsonl")
    await store.open()
    told = os.open(folder / f"{call_id}.told", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    chance = random.Random(call_id)
    store.append(CallStarted(call_id=call_id, at=_AT, caller="sip:a@x", callee="sip:b@y"))
    number = 0
    while True:
        for _ in range(chance.randint(1, 60)):
            store.append(said(call_id, number))
            os.write(told, b".")
            number += 1
            if chance.random() < 0.1:
                await asyncio.sleep(0)
        if chance.random() < 0.7:
            await store.flush()
        else:
            await asyncio.sleep(0.002)


def main() -> None:
    """Fork writers: what they need is imported once."""
    for line in sys.stdin:
        url, folder, call_id = line.split()
        pid = os.fork()
        if pid == 0:
            os.dup2(2, 1)  # its log
            asyncio.run(write(url, Path(folder), call_id))
        print(pid, flush=True)  # noqa: T201
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
