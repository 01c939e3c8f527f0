"""Reaching: what a call asks of another one, by way of the gateway."""

import asyncio
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from sipagent.errors import CallError

from .protocol import Reach, Reached

#: seconds for the other call to have done it
PATIENCE = 10.0


class NotReached(CallError):
    """The other call said no, or there is none."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class GatewayCalls:
    """See `call.others.OtherCalls`."""

    def __init__(self, send: Callable[[Reach], None]) -> None:
        self._send = send
        self._numbers = count(1)
        self._asked: dict[int, asyncio.Future[Reached]] = {}

    async def execute(
        self, method: str, call_id: str | None, params: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """See `OtherCalls`. Raises NotReached."""
        number = next(self._numbers)
        answer: asyncio.Future[Reached] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        self._send(Reach(n=number, method=method, call_id=call_id or "", params=params))
        try:
            async with asyncio.timeout(PATIENCE):
                reached = await answer
        except TimeoutError:
            raise NotReached(504, "the other call did not answer in time") from None
        finally:
            del self._asked[number]
        if not reached.ok:
            raise NotReached(reached.status, reached.detail)
        return {"call_id": reached.call_id}

    def told(self, message: Reached) -> None:
        """The gateway answers; one that is not waited for any more is nothing."""
        answer = self._asked.get(message.n)
        if answer is not None and not answer.done():
            answer.set_result(message)
