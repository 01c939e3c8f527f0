"""Entries typed on a private line: what is said, the first key, and the keys after it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sipagent.call.control import Announcer, CallControl
from sipagent.call.entries import Typing
from sipagent.tasks import stopped

from .playing import play_all, sound_port
from .private_line import PrivateLine

_SAY = "say:"
#: how often one who speaks is told, in one attempt
_REMINDERS = 2


@dataclass(frozen=True, slots=True)
class Voice:
    """How `say:` is spoken where no agent does it; see `Sounds.load`."""

    voice: str | None = None
    language: str = ""
    gender: str = ""


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks for entries. `aloud` is said to one who speaks instead; times in seconds."""

    control: CallControl
    line: PrivateLine
    aloud: Sequence[str]
    digit_timeout: float
    initial_timeout: float
    voice: Voice = Voice()

    async def attempt(self, told: Sequence[str], typing: Typing) -> None:
        """Say what to do, and take keys until the entry is over or none comes any more."""
        key = await self._first_key(told)
        while key is not None and not typing.key(key):
            try:
                key = await asyncio.wait_for(self.line.keys.key(), self.digit_timeout)
            except TimeoutError:
                key = None

    async def _first_key(self, told: Sequence[str]) -> str | None:
        """Say what to do, and again to one who speaks; None where no key comes."""
        key = asyncio.ensure_future(self.line.keys.key())
        try:
            for words in (told, *[self.aloud] * _REMINDERS):
                saying = asyncio.ensure_future(say(self.control, words, self.voice))
                either: set[asyncio.Future[Any]] = {key, saying}
                try:
                    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                    if saying.done():
                        saying.result()
                finally:
                    await stopped(saying)
                if not key.done() and not await self._spoken(key):
                    break
            return key.result() if key.done() else None
        finally:
            await stopped(key)

    async def _spoken(self, key: "asyncio.Future[str]") -> bool:
        """Wait for the first key; True where somebody speaks before it."""
        self.line.aloud.clear()
        voice = asyncio.ensure_future(self.line.aloud.wait())
        try:
            either: set[asyncio.Future[Any]] = {key, voice}
            limit = self.initial_timeout
            await asyncio.wait(either, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            return voice.done() and not key.done()
        finally:
            await stopped(voice)


async def say(control: CallControl, what: Sequence[str], voice: Voice = Voice()) -> None:
    """In the agent's own voice where there is an agent."""
    call = control.call
    agent: object = control.presence
    for url in what:
        if url.startswith(_SAY) and isinstance(agent, Announcer):
            await agent.say(url.removeprefix(_SAY))
        else:
            async with sound_port(call, "secure") as port:
                await play_all(
                    call,
                    port,
                    (url,),
                    voice=voice.voice,
                    language=voice.language,
                    gender=voice.gender,
                )
