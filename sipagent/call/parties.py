"""Parties: who has whose place in a conversation, while legs come and go."""

import asyncio
from typing import Any

from .leg import Leg, LegState


class Parties:
    """A party stays when its leg is replaced by another (REFER, Replaces)."""

    def __init__(self) -> None:
        #: by leg id: what is about to give its place to another
        self.handing: dict[str, asyncio.Task[Any]] = {}
        self._heirs: dict[str, Leg] = {}

    def succeed(self, new: Leg, old: Leg) -> None:
        """`new` has the place of `old`."""
        self._heirs[old.info.id] = new

    def now(self, leg: Leg) -> Leg:
        """Who has the place that `leg` had."""
        while leg.info.id in self._heirs:
            leg = self._heirs[leg.info.id]
        return leg

    def is_handing(self, leg: Leg) -> bool:
        """True while the place of `leg` is being given to another."""
        task = self.handing.get(leg.info.id)
        return task is not None and not task.done()

    async def left(self, leg: Leg) -> None:
        """Wait until nobody has the place of `leg` any more, nor is about to."""
        while True:
            leg = self.now(leg)
            await leg.wait(LegState.DISCONNECTED)
            if self.is_handing(leg):
                await asyncio.wait({self.handing[leg.info.id]})
            if self.now(leg) is leg:
                return
