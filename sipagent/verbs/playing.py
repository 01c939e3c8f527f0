"""Playing sounds to the caller, one after the other or over and over."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sipagent.call.session import CallSession
from sipagent.errors import CallError
from sipagent.events import Warned
from sipagent.media.port import AudioPort

from .waiting import stopped


@asynccontextmanager
async def sound_port(call: CallSession, name: str) -> AsyncIterator[AudioPort]:
    """A member of the room for as long as the block runs."""
    port = call.bridge.open_port(name)
    call.room.join(port)
    try:
        yield port
    finally:
        call.room.leave(port)
        call.bridge.close_port(port)


async def play_all(
    call: CallSession,
    port: AudioPort,
    urls: Sequence[str],
    *,
    voice: str | None = None,
    volume: float = 0.0,
) -> None:
    """Play the URLs in order and wait until the last sample was heard. Raises CallError."""
    for url in urls:
        sound = call.services.sounds.load(url, rate=port.rate, voice=voice, volume=volume)
        async for pcm in sound:
            await port.play(pcm)
    await port.mark().reached()


@asynccontextmanager
async def ringing(call: CallSession, urls: Sequence[str]) -> AsyncIterator[AudioPort | None]:
    """Let the caller hear the URLs over and over while the block runs, from the port it gets."""
    if not urls:
        yield None
        return
    async with sound_port(call, "ringback") as port:
        task = asyncio.ensure_future(_over_and_over(call, port, urls))
        try:
            yield port
        finally:
            await stopped(task)


async def _over_and_over(call: CallSession, port: AudioPort, urls: Sequence[str]) -> None:
    while True:
        before = port.position
        try:
            await play_all(call, port, urls)
        except CallError as error:
            # a caller who hears no ringing can still be put through
            call.emit(Warned, code="ringback", detail=str(error))
            return
        if port.position == before:
            return
