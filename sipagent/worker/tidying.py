"""Tidying: what a conversation leaves behind in circles, swept away while it goes on."""

import asyncio
import gc

#: what is cancelled in the middle (an answer the caller talks over) leaves circles of frames and
#: errors with all its sound in them. Of themselves they are swept too seldom: a worker's few
#: objects hardly ever reach the collector's oldest generation.
SECONDS = 15.0


async def tidy() -> None:
    """Until cancelled. What was there before the fork is frozen, so a sweep takes a millisecond."""
    while True:
        await asyncio.sleep(SECONDS)
        gc.collect()
