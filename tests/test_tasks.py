"""Tasks: none dies unseen, and none outlives its owner."""

import asyncio
import gc
from typing import Any

from sipagent.tasks import Background, lasting, stopped


def _told() -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    return told


async def _broken() -> None:
    raise KeyError("a mistake of ours")


async def test_a_lasting_task_that_dies_is_told_while_its_owner_lives() -> None:
    told = _told()
    task = lasting(_broken(), "toll keeping")
    await asyncio.wait({task})
    await asyncio.sleep(0)  # its callbacks
    [context] = told
    assert context["message"] == "toll keeping has ended"
    assert isinstance(context["exception"], KeyError)
    await stopped(task)
    assert len(told) == 1


async def test_a_lasting_task_that_is_stopped_is_nothing_to_tell() -> None:
    told = _told()
    task = lasting(asyncio.sleep(3600), "heart")
    await asyncio.sleep(0)
    await stopped(task)
    await asyncio.sleep(0)
    assert task.cancelled()
    assert not told


async def test_who_stops_tasks_goes_on_when_all_have_cleaned_up() -> None:
    cleaned: list[str] = []

    async def long(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(name)

    tasks = [asyncio.create_task(long(name)) for name in "ab"]
    await asyncio.sleep(0)
    await stopped(*tasks, None)
    assert cleaned == ["a", "b"]


async def test_an_error_of_a_task_does_not_keep_others_from_being_stopped() -> None:
    broken = asyncio.create_task(_broken())
    other = asyncio.create_task(asyncio.sleep(3600))
    await asyncio.wait({broken})
    await stopped(broken, other)
    assert other.cancelled()
    assert isinstance(broken.exception(), KeyError)


async def test_what_runs_beside_is_held_until_it_is_over() -> None:
    beside, gone = Background(), asyncio.Event()
    beside.start(_until(gone))
    await asyncio.sleep(0)
    gc.collect()
    assert len(beside) == 1
    gone.set()
    await beside.done()
    assert len(beside) == 0


async def test_the_error_of_what_runs_beside_is_told_with_the_name_of_its_function() -> None:
    told, beside = _told(), Background()
    beside.start(_broken())
    await beside.done()
    await asyncio.sleep(0)  # its callbacks
    assert [context["message"] for context in told] == ["_broken has ended"]


async def test_whoever_began_a_task_looks_at_its_error() -> None:
    told, beside = _told(), Background()
    task = beside.hold(asyncio.ensure_future(_broken()))
    await beside.done()
    await asyncio.sleep(0)
    assert isinstance(task.exception(), KeyError)
    assert not told


async def test_waiting_for_what_runs_beside_ends_nothing_and_stopping_ends_all() -> None:
    beside = Background()
    tasks = [beside.start(_until(asyncio.Event())) for _ in "ab"]
    await beside.done(timeout=0.01)
    assert [task.done() for task in tasks] == [False, False]
    await beside.stop()
    assert [task.cancelled() for task in tasks] == [True, True]
    await asyncio.sleep(0)
    assert len(beside) == 0


async def _until(event: asyncio.Event) -> None:
    await event.wait()
