"""Keypad: the keys one party pressed, and the texts it wrote, that nobody has used yet."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Literal

LIMIT = 64
#: by which way a key comes: telephone-event, an INFO request, tones in the audio, or a browser's
#: data channel
KeyWay = Literal["rfc4733", "info", "inband", "webrtc"]


def _nobody() -> None:
    """Nobody wants to be told."""


class Key(str):
    """A key, `0` to `9`, `*`, `#`, `A` to `D`, and by which way it came."""

    __slots__ = ("way",)

    def __new__(cls, key: str, way: KeyWay = "rfc4733") -> "Key":
        """`Key("5", "info")`."""
        made = super().__new__(cls, key)
        made.way = way
        return made

    way: KeyWay


class Texts:
    """A bounded queue of what one party wrote and nobody has read yet; the oldest goes."""

    def __init__(self) -> None:
        self._texts: deque[str] = deque(maxlen=LIMIT)
        #: told that there is one
        self.on_text: Callable[[], None] = _nobody

    def add(self, text: str) -> None:
        """A text arrived."""
        self._texts.append(text)
        self.on_text()

    def take(self) -> str | None:
        """The next text if one is there."""
        return self._texts.popleft() if self._texts else None


class Keypad:
    """A bounded queue of keys; type-ahead is kept, the oldest goes when it is full."""

    def __init__(self) -> None:
        self._keys: asyncio.Queue[str] = asyncio.Queue(LIMIT)
        #: told that there is one
        self.on_press: Callable[[], None] = _nobody

    def press(self, key: str) -> None:
        """A key arrived."""
        if self._keys.full():
            self._keys.get_nowait()
        self._keys.put_nowait(key)
        self.on_press()

    async def key(self) -> str:
        """The next key; wait for one if need be."""
        return await self._keys.get()

    def take(self) -> str | None:
        """The next key if one is there."""
        return None if self._keys.empty() else self._keys.get_nowait()

    def clear(self) -> None:
        """Forget what was typed ahead."""
        while not self._keys.empty():
            self._keys.get_nowait()
