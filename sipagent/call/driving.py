"""Driving: a call whose plan waits while a program outside says what to do."""

import asyncio
from typing import Any

from sipagent.errors import CallError


class NotOnOffer(CallError):
    """The call is not offered to anybody, or somebody has it already."""

    status = 410


class Driving:
    """From the offer until it is given back. Nobody's orders are waited for longer than the step
    that offers the call says.
    """

    def __init__(self, context: str) -> None:
        self.context = context
        #: who drives; empty while it is on offer
        self.driver = ""
        self._taken = asyncio.Event()
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def take(self, by: str) -> None:
        """It is theirs from now on. Raises NotOnOffer."""
        if self._over.done() or (self.driver and self.driver != by):
            raise NotOnOffer("somebody else has this call, or nobody may have it any more")
        self.driver = by
        self._taken.set()

    def give_back(self, why: str) -> None:
        """The plan goes on: the driver has no more orders or is gone, or nobody wants the call.
        Raises NotOnOffer.
        """
        if self._over.done():
            raise NotOnOffer("this call was given back")
        self._over.set_result(why)

    @property
    def done(self) -> bool:
        """True once it was given back."""
        return self._over.done()

    async def taken(self, seconds: float) -> bool:
        """Wait until somebody takes it; False where nobody does, or it was refused."""
        taking: asyncio.Future[Any] = asyncio.ensure_future(self._taken.wait())
        over: asyncio.Future[Any] = self._over
        try:
            await asyncio.wait({taking, over}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            taking.cancel()
        return self._taken.is_set()

    async def over(self) -> str:
        """Wait until it is given back; says why."""
        return await asyncio.shield(self._over)
