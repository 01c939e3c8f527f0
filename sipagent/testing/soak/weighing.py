"""What a server holds: memory, descriptors and processes, looked at from outside."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sipagent.worker.supervisor import Supervisor

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
            gateway=resident("self"),
            zygote=resident(str(self.supervisor.zygote_pid)),
            workers=len(self.children()),
            idle=self.supervisor.stats.idle,
            descriptors=len(list(Path("/proc/self/fd").iterdir())),
            live=self.live(),
        )

    def children(self) -> list[int]:
        """The zygote's children, as the kernel has them."""
        with suppress(OSError):
            zygote = self.supervisor.zygote_pid
            tasks = Path(f"/proc/{zygote}/task/{zygote}/children")
            return [int(pid) for pid in tasks.read_text().split()]
        return []


def resident(pid: int | str) -> int:
    """Resident memory of a process, bytes; 0 where there is none."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0
