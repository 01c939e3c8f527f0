"""Answer: one reply of a speech-to-speech model on its way to being heard."""

import asyncio
from collections.abc import Callable

from sipagent.errors import ProviderError

from ..protocols import Spoken, ToolCall

#: an answer of more sound than this is babble; the model makes it faster than it is played
LONGEST_SECONDS = 300


class Answer:
    """Fed by the session, read by the mind. `on_cut` is told what was played of it, in ms."""

    def __init__(
        self, name: str, rate: int, on_cut: Callable[[int], None], *, aside: bool = False
    ) -> None:
        """`aside`: it stands beside the conversation."""
        self.name = name
        self.aside = aside
        #: True once the model will make no more of it
        self.over = False
        self._on_cut = on_cut
        self._left = LONGEST_SECONDS * rate * 2
        #: bounded by `LONGEST_SECONDS`; a word has a sound
        self._parts: asyncio.Queue[Spoken | ProviderError | None] = asyncio.Queue()
        self._calls: list[ToolCall] = []

    def voice(self, pcm: bytes) -> bool:
        """More sound; False where it is too much, and the answer is over."""
        self._left -= len(pcm)
        if self._left < 0:
            return False
        self._parts.put_nowait(Spoken(self.name, pcm=pcm, on_cut=self._on_cut))
        return True

    def words(self, text: str) -> None:
        """More of what is said in it."""
        self._parts.put_nowait(Spoken(self.name, text=text, on_cut=self._on_cut))

    def asked(self, call: ToolCall) -> None:
        """A tool is asked for."""
        self._calls.append(call)

    def done(self, failure: ProviderError | None = None) -> None:
        """No more comes."""
        if not self.over:
            self.over = True
            self._parts.put_nowait(failure)

    async def next(self) -> Spoken | None:
        """What it says next, None at its end. Raises ProviderError."""
        part = await self._parts.get()
        if isinstance(part, ProviderError):
            raise part
        return part

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tools it asks for, known at its end."""
        return tuple(self._calls)
