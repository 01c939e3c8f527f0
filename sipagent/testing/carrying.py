"""Does what one party says arrive at another? By noise that is like no other."""

import asyncio

from .call import PhoneCall
from .signals import noise, share

_RATE = 8000
_TRIES = 5
#: of ten pieces of 100 ms, how many must be there
_MOST = 0.7
#: from the last packet sent until it was heard
_WAY = 0.4


async def carried(speaker: PhoneCall, listener: PhoneCall | None = None) -> bool:
    """True when `listener` (the speaker itself, where the far end echoes) hears the speaker.

    Tried again a few times: on a busy machine packets come late, and a jitter buffer drops them.
    """
    hearer = listener or speaker
    for seed in range(_TRIES):
        said = noise(100 + seed, 1000, _RATE)
        await speaker.play(said)
        await asyncio.sleep(_WAY)
        if share(said, hearer.stream.heard.pcm(), _RATE) >= _MOST:
            return True
    return False
