"""Records of calls whose node is gone, closed by one of the others, and by what came in between."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sipagent.cluster.orphans import Orphans
from sipagent.events import CallEnded, CallStarted, Event
from sipagent.store.records import Store

PATIENCE = 60.0


class Silences:
    """For how long nodes have been silent."""

    def __init__(self, **seconds: float | None) -> None:
        self.seconds = seconds

    def silence(self, node: str) -> float | None:
        return self.seconds.get(node)


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[dict[str, Store]]:
    """The same database as several nodes have it open."""
    url = f"sqlite+aiosqlite:///{tmp_path}/calls.sqlite3"
    made = {}
    for name in ("a", "b", "c"):
        made[name] = Store(url, tmp_path / name / "events.jsonl")
        made[name].node = name
        await made[name].open()
    yield made
    for store in made.values():
        await store.close()


def started(call_id: str) -> CallStarted:
    at = datetime.now(UTC) - timedelta(minutes=10)
    return CallStarted(call_id=call_id, at=at, caller="sip:alice@x", callee="sip:100@y")


async def tells(store: Store, *events: Event) -> None:
    for event in events:
        store.append(event)
    await store.flush()


async def test_calls_of_a_node_that_is_not_back_in_time_are_closed_as_lost(
    stores: dict[str, Store],
) -> None:
    await tells(stores["a"], started("gone"))
    await tells(stores["b"], started("mine"))
    await tells(stores["c"], started("away"))
    silences = Silences(a=PATIENCE + 1, b=None, c=PATIENCE - 10)
    orphans = Orphans(stores["b"], silences, _no_lease, PATIENCE, 14_400)  # type: ignore[arg-type]
    assert await orphans.look() == 1
    record = await stores["b"].call("gone")
    assert record is not None
    assert (record.status, record.reason) == (500, "lost: node a is gone")
    assert record.ended is not None
    assert timedelta(0) < datetime.now(UTC) - record.ended < timedelta(seconds=PATIENCE + 30)
    for call_id in ("mine", "away"):
        live = await stores["b"].call(call_id)
        assert live is not None
        assert live.ended is None
    assert await orphans.look() == 0, "once"


async def test_a_node_that_comes_back_tells_what_was_true_after_all(
    stores: dict[str, Store],
) -> None:
    await tells(stores["a"], started("one"))
    silences = Silences(a=PATIENCE + 1)
    orphans = Orphans(stores["b"], silences, _no_lease, PATIENCE, 14_400)  # type: ignore[arg-type]
    assert await orphans.look() == 1
    await tells(stores["a"], CallEnded(call_id="one", at=datetime.now(UTC)))
    placed = await stores["b"].placed("one")
    assert placed is not None
    node, record = placed
    assert (node, record.status, record.reason) == ("a", 200, "normal")
    events = await stores["b"].events("one")
    assert [event.type for event in events] == ["call_started", "call_ended"], "nothing doubled"


async def test_a_record_that_has_its_end_by_now_is_left_alone(stores: dict[str, Store]) -> None:
    await tells(stores["a"], started("one"))
    ((_, record),) = await stores["b"].unfinished(datetime.now(UTC) - timedelta(hours=1))
    await tells(stores["a"], CallEnded(call_id="one", at=datetime.now(UTC)))
    await stores["b"].close_record(record.model_copy(update={"status": 500}), "a")
    known = await stores["b"].call("one")
    assert known is not None
    assert known.status == 200


def _no_lease() -> object:
    raise AssertionError("it is asked to look by hand")
