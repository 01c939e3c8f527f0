"""Pitch: who hears whom, told by a tone of each party's own; a lost frame is no matter."""

import asyncio
import time
from collections.abc import Sequence

import numpy as np

from .audio import RATE
from .call import PhoneCall

#: Hz, none a multiple of another
PITCHES = (310, 470, 710, 1070, 1610, 2410)
LEVEL = 3000
_SECONDS = 1.2


def sine(hertz: float, seconds: float = _SECONDS) -> bytes:
    """A pure tone of `LEVEL`."""
    moment = np.arange(int(RATE * seconds)) / RATE
    return (LEVEL * np.sin(2 * np.pi * hertz * moment)).astype("<i2").tobytes()


def strengths(pcm: bytes, pitches: Sequence[float]) -> list[float]:
    """The level each tone has in most of the sound."""
    wave = np.frombuffer(pcm, "<i2").astype(float)
    size = RATE // 5
    parts = wave[: len(wave) // size * size].reshape(-1, size) * np.hanning(size) * 2
    if not len(parts):
        return [0.0] * len(pitches)
    turns = np.exp(-2j * np.pi * np.outer(pitches, np.arange(size) / RATE))
    found: list[float] = np.median(2 * np.abs(parts @ turns.T) / size, axis=0).tolist()
    return found


async def heard_by(calls: Sequence[PhoneCall]) -> list[list[float]]:
    """Let all sound at once: of each call, how loud it hears each of them (1 is unchanged)."""
    pitches = PITCHES[: len(calls)]
    start = time.perf_counter()
    await asyncio.gather(
        *(call.play(sine(hertz)) for call, hertz in zip(calls, pitches, strict=True))
    )
    return [
        [level / LEVEL for level in strengths(call.stream.heard.pcm(start), pitches)]
        for call in calls
    ]


async def assert_all_hear_the_others(calls: Sequence[PhoneCall], seconds: float = 20.0) -> None:
    """Everybody but oneself; tried again while a path is still being made."""
    until = time.perf_counter() + seconds
    while True:
        heard = await heard_by(calls)
        if all(
            level < 0.05 if ears == mouth else 0.7 < level < 1.3
            for ears, row in enumerate(heard)
            for mouth, level in enumerate(row)
        ):
            return
        if time.perf_counter() > until:
            raise AssertionError(np.round(heard, 2).tolist())
