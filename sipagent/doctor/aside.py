"""Work that may block, in a thread that keeps nobody from leaving."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    """What `work` returns or raises. A thread that hangs, on a dead mount say, is left behind: it
    is a daemon, which those of an executor are not.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def settle(put: Callable[[], None]) -> None:
        if not result.done():
            put()

    def run() -> None:
        try:
            found = work()
        except Exception as error:
            failed = error  # the name `error` is gone when the loop gets to it
            put: Callable[[], None] = lambda: result.set_exception(failed)  # noqa: E731
        else:
            put = lambda: result.set_result(found)  # noqa: E731
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, put)

    threading.Thread(target=run, name="doctor", daemon=True).start()
    return await result
