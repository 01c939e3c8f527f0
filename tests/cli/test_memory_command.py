"""`sipagent memory`: who is remembered, and how a caller is forgotten."""

import asyncio
import json
from pathlib import Path

from sipagent.app.state import State, read_secret
from sipagent.cli.style import settings_from
from sipagent.store.memories import MemoryBook
from sipagent.testing.program import Run


async def kept(folder: Path) -> None:
    settings = settings_from(None)
    state = State(settings.state_folder)
    state.open()
    state.close()
    book = MemoryBook(settings.store.database, read_secret(settings.state_folder))
    await book.keep("sip:+441632960001@x.example", "plan/desk", "Likes red.", days=9, most=100)
    await book.close()


def test_memories_are_listed_without_numbers_and_words_and_can_be_deleted(
    folder: Path, run: Run
) -> None:
    (folder / "sipagent.yaml").write_text("state: state\nstore: {bundles: calls}\n")
    (folder / "calls").mkdir()
    assert "Nobody is remembered." in run("memory").out
    asyncio.run(kept(folder))
    shown = run("memory").out
    assert "plan/desk" in shown
    assert "1632960001" not in shown and "red" not in shown
    [known] = json.loads(run("memory", "--json").out)
    assert (known["agent"], known["characters"]) == ("plan/desk", len("2026-01-01: Likes red."))
    assert "withheld numbers are never remembered" in run("memory", "forget", "anonymous").err
    assert "Forgotten by 1 agent." in run("memory", "forget", "+44 1632 960001").out
    gone = run("memory", "forget", "+44 1632 960001")
    assert (gone.code, "nobody remembers that caller" in gone.err) == (1, True)
