"""Work that may block, in a thread that keeps nobody from leaving."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
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
            put = partial(result.set_result, work())
        except Exception as error:
            put = partial(result.set_exception, error)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, put)

    threading.Thread(target=run, name="doctor", daemon=True).start()
    return await result
