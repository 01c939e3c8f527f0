"""What a far end that sends back what it hears makes of what is said to it."""

import asyncio
import time
from statistics import median

from .audio import RATE, correlate, speech_like
from .call import PhoneCall


async def echoed(call: PhoneCall, seed: int = 0, seconds: float = 1.0) -> float:
    """How well the echo is what was said, 0 to 1. Speaks until it is heard at all, then says it.

    Raises TimeoutError where nothing comes back.
    """
    hello = asyncio.ensure_future(call.play(speech_like(10.0, seed=1000)))
    try:
        await call.wait_for_speech(10)
    finally:
        call.stop_playing()
        await hello
    await call.wait_for_silence(200, 10)
    said = speech_like(seconds, seed=seed)
    start = time.perf_counter()
    await call.play(said)
    await call.wait_for_silence(200, 10)
    return likeness(said, call.stream.heard.pcm(start))


def likeness(said: bytes, heard: bytes, rate: int = RATE) -> float:
    """How much of `said` (s16le) is in `heard`, 0 to 1: the median over stretches of 250 ms. A
    jitter buffer that gives up or repeats a frame shifts what follows, and spoils one of them.
    """
    size = 2 * rate // 4
    stretches = [said[at : at + size] for at in range(0, len(said) - size + 1, size)]
    return median(abs(correlate(stretch, heard, rate).corr) for stretch in stretches)
