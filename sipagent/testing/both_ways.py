"""Two phones that are put together: does each hear the other?"""

import asyncio

from .call import PhoneCall
from .signals import noise, share

_RATE = 8000
#: of a second of noise, so much has to be heard
_MOST = 0.5
_PATIENCE = 20.0


async def two_way(one: PhoneCall, other: PhoneCall) -> None:
    """Have both make a noise, again and again, until each has heard most of the other's: who was
    answered this moment may be joined to the other in the next. Raises TimeoutError.
    """
    ours, theirs = noise(1, 1000, _RATE), noise(2, 1000, _RATE)
    async with asyncio.timeout(_PATIENCE):
        while (
            share(ours, other.stream.heard.pcm(), _RATE) < _MOST
            or share(theirs, one.stream.heard.pcm(), _RATE) < _MOST
        ):
            await asyncio.gather(one.play(ours), other.play(theirs))
            await asyncio.sleep(0.2)
