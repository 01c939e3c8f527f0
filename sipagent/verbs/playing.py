"""Playing sounds: to the caller or to one party alone, one after the other or over and over."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sipagent.call.session import CallSession
from sipagent.errors import CallError
from sipagent.events import Warned
from sipagent.media.port import AudioPort

from .waiting import stopped

#: the house's own music on hold
MUSIC = ("music:",)


@asynccontextmanager
async def sound_port(call: CallSession, name: str) -> AsyncIterator[AudioPort]:
    """A member of the room for as long as the block runs; to a caller on hold it speaks alone,
    and their music waits.
    """
    if call.hold is not None:
        music = call.hold.music
        music.pause()
        try:
            async with whispering(call, name, call.caller) as port:
                yield port
        finally:
            music.resume()
        return
    port = call.bridge.open_port(name)
    call.room.join(port)
    try:
        yield port
    finally:
        call.room.leave(port)
        call.bridge.close_port(port)


@asynccontextmanager
async def whispering(call: CallSession, name: str, to: object) -> AsyncIterator[AudioPort]:
    """A port that only the member `to` hears, for as long as the block runs."""
    port = call.bridge.open_port(name)
    call.room.whisper(port, to)
    try:
        yield port
    finally:
        call.room.stop_whisper(port)
        call.bridge.close_port(port)


async def play_all(
    call: CallSession,
    port: AudioPort,
    urls: Sequence[str],
    *,
    voice: str | None = None,
    volume: float = 0.0,
    language: str = "",
    gender: str = "",
) -> None:
    """Play the URLs in order and wait until the last sample was heard. Raises CallError."""
    for url in urls:
        sound = call.services.sounds.load(
            url, rate=port.rate, voice=voice, volume=volume, language=language, gender=gender
        )
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
        task = asyncio.ensure_future(play_over_and_over(call, port, urls))
        try:
            yield port
        finally:
            await stopped(task)


async def play_over_and_over(call: CallSession, port: AudioPort, urls: Sequence[str]) -> None:
    """Play the URLs in order, without a gap and without an end. What cannot be played ends it
    with a warning: a caller who hears no ringing can still be put through.
    """
    while True:
        before = port.position
        try:
            for url in urls:
                async for pcm in call.services.sounds.load(url, rate=port.rate):
                    await port.play(pcm)
        except CallError as error:
            call.emit(Warned, code=port.name, detail=str(error))
            return
        if port.position == before:
            return


async def play_music(call: CallSession, port: AudioPort, urls: Sequence[str]) -> None:
    """As `play_over_and_over`, and the house's own music where that could not be played."""
    await play_over_and_over(call, port, urls)
    if tuple(urls) != MUSIC:
        await play_over_and_over(call, port, MUSIC)
