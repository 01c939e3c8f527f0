"""Orphans: records of calls whose node is gone for good, closed by one node for all."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from sipagent.call.cdr import Cdr
from sipagent.errors import SipAgentError
from sipagent.tasks import lasting, stopped

from .leases import Lease
from .nodes import Nodes

log = structlog.get_logger(__name__)
#: seconds between looks
_EVERY = 15.0
#: a call may have begun so long before its longest life ends, to spare
_SPARE = timedelta(hours=1)


class Unfinished(Protocol):
    """Records without an end."""

    async def unfinished(self, since: datetime) -> list[tuple[str, Cdr]]:
        """With their nodes. Raises SipAgentError."""
        ...

    async def close_record(self, record: Cdr, node: str) -> None:
        """Put one in place of another that has no end still. Raises SipAgentError."""
        ...


class Orphans:
    """Looks every few seconds while it is this node's `lease` to do so. A node may be gone for
    `patience` seconds; one that comes back later tells what was true after all: its own record
    takes the place of this one.
    """

    def __init__(
        self,
        records: Unfinished,
        nodes: Nodes,
        lease: Callable[[], Lease],
        patience: float,
        longest: float,
    ) -> None:
        """`longest` is how long calls may be, seconds."""
        self._records = records
        self._nodes = nodes
        self._lease = lease
        self._patience = patience
        self._longest = timedelta(seconds=longest) + _SPARE
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = lasting(self._look_for_ever(), "orphans")

    async def close(self) -> None:
        """Stop. Idempotent."""
        if self._task is not None:
            await stopped(self._task)
            self._task = None

    async def look(self) -> int:
        """Close what is to be closed; how many that were. Raises SipAgentError."""
        now = datetime.now(UTC)
        closed = 0
        for node, record in await self._records.unfinished(now - self._longest):
            silent = self._nodes.silence(node)
            if not node or silent is None or silent < self._patience:
                continue
            last = max(filter(None, (now - timedelta(seconds=silent), record.started)))
            why = f"lost: node {node} is gone"
            ended = {"ended": last, "status": 500, "reason": why, "ended_by": "system"}
            await self._records.close_record(record.model_copy(update=ended), node)
            log.warning("call_closed", call_id=record.call_id, node=node, why=why)
            closed += 1
        return closed

    async def _look_for_ever(self) -> None:
        lease = self._lease()
        while True:
            await asyncio.sleep(_EVERY)
            if not lease.held:
                continue
            try:
                await self.look()
            except SipAgentError as error:
                log.warning("orphans_not_looked_for", cause=str(error))
