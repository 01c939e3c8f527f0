"""VirtualLoop: an event loop whose clock jumps to the next timer when nothing is ready."""

import asyncio
import functools
import selectors
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")

#: real seconds to wait for a thread when no timer is left to jump to
_STUCK_AFTER = 5.0


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits while a timer could be reached by moving the clock instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            ready = super().select(_STUCK_AFTER)
            if not ready:
                raise RuntimeError("nothing is ready and no timer runs: this would wait for ever")
            return ready
        ready = super().select(0)
        if not ready:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` starts at 0 and moves only when every ready callback has run.

    Work for the default executor (`asyncio.to_thread`) is done at once, on the loop, and takes no
    time. Other threads are not waited for while a timer is left, so code under test should have
    none; `call_soon_threadsafe` from the loop's own thread is as cheap as `call_soon`.
    """

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        self._own_thread = threading.get_ident()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.now

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, function: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        """As in any loop, but for the default executor: there is none."""
        if executor is not None:
            return super().run_in_executor(executor, function, *args)
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(function(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """As in any loop; from the loop's own thread no wake-up is written."""
        if threading.get_ident() == self._own_thread:
            return self.call_soon(callback, *args, context=context)
        return super().call_soon_threadsafe(callback, *args, context=context)


def run_virtual(work: Coroutine[Any, Any, T], *, limit: float = 3_600.0) -> T:
    """Run to the end on virtual time. Raises TimeoutError after `limit` virtual seconds."""

    async def bounded() -> T:
        async with asyncio.timeout(limit):
            return await work

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(bounded())


def virtual_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Make a plain test of a coroutine: it runs on a VirtualLoop, for an hour at most."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        run_virtual(test(*args, **kwargs))

    return run
