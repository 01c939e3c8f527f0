"""Others: the other nodes, asked about calls; what went wrong told as doors tell it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from pydantic import BaseModel

from sipagent.api.calls import NodeGone, NodeSilent, outside_error
from sipagent.tasks import stopped

from .asks import subject
from .bus import Bus, BusAway, BusError, NoAnswer, Refusal
from .nodes import Nodes

#: seconds for an answer that waits for nobody
SOON = 2.0

M = TypeVar("M", bound=BaseModel)


class Others:
    """By the bus; every method raises OutsideError."""

    def __init__(self, bus: Bus, nodes: Nodes) -> None:
        self.bus = bus
        self.nodes = nodes

    async def ask(
        self,
        node: str,
        ask: str,
        about: BaseModel,
        answer: type[M],
        seconds: float = SOON,
        *,
        call_id: str = "",
    ) -> M:
        """What a node answers."""
        async with _told(node, call_id):
            return await self.bus.request(subject(node, ask), about, answer, seconds)

    async def fetch(self, node: str, ask: str, about: BaseModel, seconds: float = SOON) -> bytes:
        """The same for bytes."""
        async with _told(node, ""):
            return await self.bus.fetch(subject(node, ask), about, seconds)

    async def patiently(
        self, node: str, ask: str, about: BaseModel, answer: type[M], *, call_id: str
    ) -> M:
        """What a node answers when it does, however long that is: until it or the bus is gone."""
        asking = asyncio.ensure_future(
            self.ask(node, ask, about, answer, _LONGEST, call_id=call_id)
        )
        losing = asyncio.ensure_future(self.nodes.lost(node))
        try:
            await asyncio.wait({asking, losing}, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
            raise NodeSilent(f"node {node} was lost while it was at it: what came of it is unknown")
        finally:
            await stopped(asking, losing)


#: seconds: longer than calls are
_LONGEST = 86_400.0


@asynccontextmanager
async def _told(node: str, call_id: str) -> AsyncIterator[None]:
    try:
        yield
    except Refusal as error:
        raise outside_error(error.kind, str(error), error.place, call_id) from error
    except NoAnswer as error:
        raise NodeSilent(
            f"node {node} did not answer in time; what came of it is unknown"
        ) from error
    except BusAway as error:
        raise NodeGone(f"node {node} cannot be reached: {error}") from error
    except BusError as error:
        raise NodeGone(f"node {node} is gone: {error}") from error
