"""Sounds: utterances a mind has heard for itself, put into words when these become known."""

import asyncio
from collections.abc import Callable

from sipagent.call.session import CallSession
from sipagent.errors import ProviderError

from .conversation import Conversation
from .protocols import Sound

#: seconds in which words are still put on record after the sound was answered
_LATE = 60.0


class Sounds:
    """Asks for words within `limit` seconds, and corrects the conversation by those that come
    after it was answered.
    """

    def __init__(self, call: CallSession, conversation: Conversation, limit: float) -> None:
        self._call = call
        self._conversation = conversation
        self._limit = limit

    async def early(self, sound: Sound) -> str | None:
        """The words of a sound that nobody has answered; None where nobody could tell."""
        return await self._words(sound, self._limit, early=True)

    def later(self, sound: Sound, said: Callable[[str], None]) -> None:
        """Correct the conversation when the words come, and pass them to `said`."""
        self._call.spawn(self._reword(sound, said))

    async def _words(self, sound: Sound, seconds: float, *, early: bool) -> str | None:
        try:
            async with asyncio.timeout(seconds):
                return (await sound.words(early=early)).strip()
        except (ProviderError, TimeoutError):
            return None

    async def _reword(self, sound: Sound, said: Callable[[str], None]) -> None:
        if text := await self._words(sound, _LATE, early=False):
            self._conversation.reword(sound.name, self._call.for_model(text))
            said(text)
