"""Survivors: the calls a gateway had, for the one that comes after it."""

from collections.abc import Iterator
from dataclasses import dataclass

from sipagent.store.journal import Journal

from .handle import WorkerHandle
from .home import Address
from .processes import born
from .protocol import Assignment

KIND = "worker"


@dataclass(frozen=True, slots=True)
class Survivor:
    """A worker that had a call; `alive` says whether it still exists."""

    token: str
    pid: int
    address: Address
    assignment: Assignment
    alive: bool


def note(journal: Journal, worker: WorkerHandle, assignment: Assignment) -> None:
    """A worker is given a call."""
    assert worker.pid is not None and worker.address is not None
    slim = assignment.plan.model_copy(update={"document": {}})
    kept = assignment.model_copy(update={"plan": slim, "headers": {}})
    value = {
        "pid": worker.pid,
        "born": born(worker.pid),
        "address": list(worker.address),
        "assignment": kept.model_dump(mode="json"),
    }
    journal.put(KIND, worker.token, value, worker.token)


def survivors(journal: Journal) -> Iterator[Survivor]:
    """Who was in a call when the last gateway ended."""
    for token, fact in journal.all(KIND).items():
        known = fact.value
        host, port = known["address"]
        yield Survivor(
            token,
            known["pid"],
            (host, port),
            Assignment.model_validate(known["assignment"]),
            known["born"] is not None and born(known["pid"]) == known["born"],
        )
