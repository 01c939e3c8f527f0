"""A worker as the gateway sees it: its states, and the end it comes to."""

import asyncio
import itertools

import pytest

from sipagent.worker.handle import MOVES, WorkerHandle, WorkerState, WrongMove

S = WorkerState
PATH_TO = {
    S.SPAWNED: [],
    S.IDLE: [S.IDLE],
    S.ASSIGNED: [S.IDLE, S.ASSIGNED],
    S.CLAIMED: [S.IDLE, S.ASSIGNED, S.CLAIMED],
    S.FINISHING: [S.FINISHING],
    S.GONE: [S.GONE],
}


@pytest.mark.parametrize(("old", "new"), list(itertools.product(S, S)))
async def test_a_worker_moves_only_as_the_table_says(old: WorkerState, new: WorkerState) -> None:
    worker = WorkerHandle("token", spawned_at=0.0)
    if old is S.AWAY:  # it was so before it was ours
        worker.state = old
    for state in PATH_TO.get(old, []):
        worker.move(state)
    if new in MOVES[old]:
        worker.move(new)
        assert worker.state is new
    else:
        with pytest.raises(WrongMove, match=f"{new} while {old}"):
            worker.move(new)
        assert worker.state is old


def test_every_state_but_the_last_can_end() -> None:
    assert all(S.GONE in moves for state, moves in MOVES.items() if state is not S.GONE)
    assert MOVES[S.GONE] == frozenset()


@pytest.mark.parametrize(
    ("why", "code", "verdict"),
    [
        ("finished", 0, "finished"),
        (None, -9, "crashed: signal 9"),
        (None, 3, "crashed: exit 3"),
        (None, None, "crashed: its channel was lost"),
    ],
)
def test_the_verdict_names_what_happened(why: str | None, code: int | None, verdict: str) -> None:
    worker = WorkerHandle("token", spawned_at=0.0)
    worker.why, worker.exit_code = why, code
    assert worker.verdict == verdict


async def test_a_move_drops_the_deadline_of_the_state_before() -> None:
    worker = WorkerHandle("token", spawned_at=0.0)
    overdue: list[str] = []
    worker.limit(0.0, lambda: overdue.append("ready"))
    worker.move(S.IDLE)
    worker.move(S.ASSIGNED)
    passed = asyncio.Event()
    worker.limit(0.0, passed.set)
    await passed.wait()
    assert overdue == []
