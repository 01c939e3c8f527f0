"""Work of local engines off the loop: an iterator that is drawn in a thread."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def drawn(make: Callable[[], Iterable[T]], *, ahead: int = 8) -> AsyncIterator[T]:
    """Its items, as they come; at most `ahead` of them wait. Closing this stops the thread at
    its next item, and waits for that. Raises what `make` and its iterator raise.
    """
    loop = asyncio.get_running_loop()
    items: asyncio.Queue[T | None] = asyncio.Queue()
    closed = threading.Event()
    room = threading.Semaphore(ahead)

    def work() -> None:
        try:
            for item in make():
                room.acquire()
                if closed.is_set():
                    return
                loop.call_soon_threadsafe(items.put_nowait, item)
        finally:
            loop.call_soon_threadsafe(items.put_nowait, None)

    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        while (item := await items.get()) is not None:
            room.release()
            yield item
        await task
    finally:
        closed.set()
        room.release()
        await asyncio.wait([task])
