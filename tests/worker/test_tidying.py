"""A worker sweeps up the circles that cancelled work leaves behind."""

import asyncio
import gc
import weakref

from sipagent.testing.virtual import virtual_time
from sipagent.worker.tidying import SECONDS, tidy


class Sound:
    """Something big, in a circle."""

    def __init__(self) -> None:
        self.me = self


@virtual_time
async def test_what_hangs_in_a_circle_is_gone_soon() -> None:
    gc.disable()
    try:
        task = asyncio.create_task(tidy())
        left = weakref.ref(Sound())
        assert left() is not None
        await asyncio.sleep(SECONDS + 1)
        assert left() is None
        task.cancel()
    finally:
        gc.enable()
