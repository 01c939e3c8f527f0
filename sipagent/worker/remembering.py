"""Remembering: the memory of one call's caller, asked for and kept at the gateway."""

import asyncio
from collections.abc import Callable
from itertools import count

from .protocol import Recall, Recalled, Remember, Remembering

#: seconds for an answer; a caller is not kept waiting longer for being known
PATIENCE = 1.0


class GatewayMemory:
    """See `call.services.Memory`."""

    def __init__(self, send: Callable[[Remembering], None]) -> None:
        self._send = send
        self._numbers = count(1)
        self._asked: dict[int, asyncio.Future[str]] = {}

    async def recall(self, agent: str) -> str:
        """See `Memory`; nothing where the gateway does not answer in time."""
        number = next(self._numbers)
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        self._send(Recall(n=number, agent=agent))
        try:
            async with asyncio.timeout(PATIENCE):
                return await answer
        except TimeoutError:
            return ""
        finally:
            del self._asked[number]

    def keep(self, agent: str, note: str, *, days: float, most: int) -> None:
        """See `Memory`."""
        self._send(Remember(agent=agent, note=note, days=days, most=most))

    def told(self, message: Recalled) -> None:
        """The gateway answers; one that is not waited for any more is nothing."""
        answer = self._asked.get(message.n)
        if answer is not None and not answer.done():
            answer.set_result(message.text)
