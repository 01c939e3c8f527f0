"""Keypad: the keys one party pressed and nobody has used yet."""

import asyncio

LIMIT = 64


class Keypad:
    """A bounded queue of keys; type-ahead is kept, the oldest goes when it is full."""

    def __init__(self) -> None:
        self._keys: asyncio.Queue[str] = asyncio.Queue(LIMIT)

    def press(self, key: str) -> None:
        """A key arrived."""
        if self._keys.full():
            self._keys.get_nowait()
        self._keys.put_nowait(key)

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
