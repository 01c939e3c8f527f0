"""What a server holds: memory, descriptors and processes, looked at from outside."""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sipagent.worker.supervisor import Supervisor
from sipagent.worker.weights import children, descriptors, resident

_EVERY = 1.0


@dataclass(frozen=True, slots=True)
class Weight:
    """At one moment. Memory resident, in bytes; `workers` are the zygote's children, `idle` those
    that stand ready.
    """

    at: float
    gateway: int
    zygote: int
    workers: int
    idle: int
    descriptors: int
    live: int


@dataclass
class Scales:
    """Weighs a gateway (this process) and its zygote once a second."""

    supervisor: Supervisor
    live: Callable[[], int]
    weights: list[Weight] = field(default_factory=list)

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            self.weights.append(self.weigh())
            await asyncio.sleep(_EVERY)

    def weigh(self) -> Weight:
        """Now."""
        return Weight(
            at=time.monotonic(),
            gateway=resident(os.getpid()),
            zygote=resident(self.supervisor.zygote_pid or 0),
            workers=len(self.children()),
            idle=self.supervisor.stats.idle,
            descriptors=descriptors(os.getpid()),
            live=self.live(),
        )

    def children(self) -> list[int]:
        """The zygote's children, as the kernel has them."""
        zygote = self.supervisor.zygote_pid
        return [] if zygote is None else children(zygote)
