"""What agents keep of a caller between calls."""

from pathlib import Path

import pytest

from sipagent.errors import SipAgentError
from sipagent.store.memories import MemoryBook, caller_of

DESK, ANN = "plan/desk", "sip:+441632960001@trunk.example"


def book(database: str) -> MemoryBook:
    return MemoryBook(database, b"secret")


@pytest.mark.parametrize(
    ("uri", "caller"),
    [
        ("sip:+44 1632-960001@trunk.example;user=phone", "+441632960001"),
        ("+44 (1632) 960001", "+441632960001"),
        ("tel:+441632960001", "+441632960001"),
        ("sip:Alice@PBX.example:5061", "alice@pbx.example"),
        ("sip:anonymous@anonymous.invalid", ""),
        ("sip:Anonymous@trunk.example", ""),
        ("sip:1234@anonymous.invalid", ""),
        ("", ""),
    ],
)
def test_the_same_caller_is_the_same_and_a_withheld_number_is_nobody(uri: str, caller: str) -> None:
    assert caller_of(uri) == caller


async def test_an_agent_remembers_its_own_callers_only(database: str) -> None:
    memories = book(database)
    await memories.keep(ANN, DESK, "Likes red\nbicycles.", days=90, most=500)
    await memories.keep(ANN, DESK, "Has moved.", days=90, most=500)
    first, second = (await memories.recall("+441632960001", DESK)).splitlines()
    assert first.endswith(": Likes red bicycles.") and second.endswith(": Has moved.")
    assert await memories.recall("sip:+441632960002@trunk.example", DESK) == ""
    assert await memories.recall(ANN, "plan/sales") == ""
    await memories.close()


async def test_old_lines_go_where_there_is_no_room_and_time_ends_all(database: str) -> None:
    memories = book(database)
    for note in ("first", "second", "x" * 200):
        await memories.keep(ANN, DESK, note, days=90, most=60)
    known = await memories.recall(ANN, DESK)
    assert "second" not in known and len(known) == 60
    await memories.keep(ANN, DESK, "gone at once", days=0, most=60)
    assert await memories.recall(ANN, DESK) == ""
    assert await memories.all() == []
    await memories.close()


async def test_a_caller_can_be_forgotten_and_a_withheld_one_is_never_known(database: str) -> None:
    memories = book(database)
    await memories.keep(ANN, DESK, "A note.", days=90, most=500)
    await memories.keep("sip:anonymous@anonymous.invalid", DESK, "Never.", days=90, most=500)
    [known] = await memories.all()
    assert (known.agent, "441632960001" in known.who) == (DESK, False)
    assert await memories.forget("+44 1632 960001") == 1
    assert await memories.all() == []
    await memories.close()


async def test_the_table_tells_nobodys_number(tmp_path: Path) -> None:
    memories = book(f"sqlite+aiosqlite:///{tmp_path}/calls.sqlite3")
    await memories.keep(ANN, DESK, "A note.", days=90, most=500)
    await memories.close()
    assert b"1632960001" not in (tmp_path / "calls.sqlite3").read_bytes()


async def test_a_database_that_is_away_costs_no_call(tmp_path: Path) -> None:
    memories = book(f"sqlite+aiosqlite:///{tmp_path}/missing/calls.sqlite3")
    await memories.keep(ANN, DESK, "A note.", days=90, most=500)
    assert await memories.recall(ANN, DESK) == ""
    with pytest.raises(SipAgentError, match="the database does not answer"):
        await memories.forget(ANN)
    await memories.close()
