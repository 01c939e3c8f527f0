"""Playing sounds: to the caller or to one party alone, one after the other or over and over."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sipagent.call.session import CallSession
from sipagent.call.web import without_secrets
from sipagent.errors import CallError
from sipagent.events import SoundPlayed, Warned
from sipagent.media.frames import FRAME_MS
from sipagent.media.port import AudioPort, Mark
from sipagent.tasks import stopped

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
    """Play the URLs in order and wait until the last sample was heard; what was is on record.

    Raises CallError.
    """
    played: list[_Played] = []
    try:
        for url in urls:
            played.append(_Played(url, port.mark_at(port.position + 1)))
            sound = call.services.sounds.load(
                url, rate=port.rate, voice=voice, volume=volume, language=language, gender=gender
            )
            async for pcm in sound:
                await port.play(pcm)
            played[-1].end = port.mark_at(port.position)
        await port.mark().reached()
    finally:
        for one in played:
            one.tell(call, port)


@dataclass(slots=True)
class _Played:
    """One URL on its way to whoever hears it: the mark of its first frame, and of its last."""

    url: str
    begin: Mark
    end: Mark | None = None

    def tell(self, call: CallSession, port: AudioPort) -> None:
        """Put on record what was heard of it, if anything."""
        if port.played < self.begin.position or self.begin.t is None or call.over:
            return
        ended = self.end.t if self.end is not None else None
        scheme = self.url.partition(":")[0]
        call.emit(
            SoundPlayed,
            port=port.name,
            url=without_secrets(self.url) if scheme in ("http", "https") else self.url,
            start=self.begin.t,
            end=call.bridge.clock.t if ended is None else ended + FRAME_MS,
            whole=ended is not None,
        )


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
