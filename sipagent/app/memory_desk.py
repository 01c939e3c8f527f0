"""Memory desk: answers what workers ask of the memory of their callers."""

from collections.abc import Callable

from sipagent.store.memories import MemoryBook
from sipagent.tasks import Background
from sipagent.worker.handle import WorkerHandle
from sipagent.worker.protocol import Assignment, Recall, Recalled, Remember, Remembering

#: questions and notes at a time, of all calls; what comes beyond goes unanswered
_AT_ONCE = 500


class MemoryDesk:
    """Whom a worker may ask about is decided here: the caller of its own call, by the agents of
    its own plan. The book is opened by the first that asks.
    """

    def __init__(self, opened: Callable[[], MemoryBook]) -> None:
        self._opened = opened
        self._book: MemoryBook | None = None
        self._tasks = Background()

    def asked(self, worker: WorkerHandle, message: Remembering) -> None:
        """A worker asks, or has something to keep."""
        call = worker.assignment
        if call is None or call.direction != "inbound" or len(self._tasks) >= _AT_ONCE:
            return
        if self._book is None:
            self._book = self._opened()
        match message:
            case Recall():
                self._tasks.start(self._recall(self._book, worker, call, message))
            case Remember():
                self._tasks.start(self._keep(self._book, call, message))

    async def close(self) -> None:
        """Write what is under way, and let go of the database. Idempotent."""
        await self._tasks.done()
        if self._book is not None:
            await self._book.close()
            self._book = None

    async def _recall(
        self, book: MemoryBook, worker: WorkerHandle, call: Assignment, asked: Recall
    ) -> None:
        text = await book.recall(call.caller, _place(call, asked.agent))
        worker.send(Recalled(n=asked.n, text=text))

    async def _keep(self, book: MemoryBook, call: Assignment, told: Remember) -> None:
        place = _place(call, told.agent)
        await book.keep(call.caller, place, told.note, days=told.days, most=told.most)


def _place(call: Assignment, agent: str) -> str:
    return f"{call.plan.name}/{agent}"[:256]
