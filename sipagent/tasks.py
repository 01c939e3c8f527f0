"""Tasks and their ends: what every owner of one owes."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


def lasting(work: Coroutine[Any, Any, T], name: str) -> "asyncio.Task[T]":
    """A task that goes on until its owner stops it. The error of one that ends before goes to the
    loop's exception handler when it happens: its owner may not look before the process ends.
    """
    task = asyncio.get_running_loop().create_task(work, name=name)
    task.add_done_callback(_told)
    return task


class Background:
    """What one owner has going on beside itself. A task is held while it runs, which the loop does
    not do, and the error of one that was started here is told as `lasting` does.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[asyncio.Task[Any]]:
        return iter(tuple(self._tasks))

    def start(self, work: Coroutine[Any, Any, T], name: str = "") -> "asyncio.Task[T]":
        """Begin it. It is called by its function where it has no `name`."""
        return self.hold(lasting(work, name or getattr(work, "__qualname__", "a task")))

    def hold(self, task: "asyncio.Task[T]") -> "asyncio.Task[T]":
        """One that was begun elsewhere; whoever began it looks at its error."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def done(self, timeout: float | None = None) -> None:
        """Wait for what runs now, `timeout` seconds at most; nothing is cancelled."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=timeout)

    def cancel(self) -> None:
        """Ask all of them to end."""
        for task in self:
            task.cancel()

    async def stop(self) -> None:
        """Cancel all of them, and wait until they have cleaned up."""
        await stopped(*self._tasks)


def _told(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        told = {"message": f"{task.get_name()} has ended", "exception": error, "task": task}
        task.get_loop().call_exception_handler(told)


async def stopped(*tasks: "asyncio.Future[Any] | None") -> None:
    """Cancel tasks and wait until they have cleaned up; their own errors end here, so whoever
    wants those of a task looks at it. None is one that was not begun.
    """
    begun = [task for task in tasks if task is not None]
    for task in begun:
        task.cancel()
    await asyncio.gather(*begun, return_exceptions=True)
