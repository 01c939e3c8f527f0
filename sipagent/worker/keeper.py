"""Keeper: one zygote at any time, and a brake on workers that die before they are ready."""

import asyncio
from collections.abc import Callable
from itertools import chain, repeat

import structlog

from .spawner import Died, Forked, Program, Spawner, WorkersFailed
from .zygote import Orders

log = structlog.get_logger(__name__)

RESTART_SECONDS = (0.1, 0.5, 2.0, 5.0, 10.0)  #: pauses before a new zygote; the last repeats
BRAKE_SECONDS = 5.0  #: longest pause after workers that died young


class Keeper:
    """Starts the zygote, replaces it when it dies, and forks through it."""

    def __init__(self, program: Program, orders: Orders) -> None:
        self._program = program
        self._orders = orders
        self._spawner: Spawner | None = None
        self._failures = 0
        self._brake: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        """The zygote's process id, while there is one."""
        return self._spawner.pid if self._spawner else None

    @property
    def can_fork(self) -> bool:
        """False while the zygote is away or the brake is on."""
        return self._spawner is not None and self._brake is None

    async def start(self) -> None:
        """Start the first zygote. Raises WorkersFailed."""
        self._spawner = await Spawner.start(self._program, self._orders)

    async def renew(self, orders: Orders, on_change: Callable[[], None]) -> None:
        """Fork by other orders from now on. `on_change` is called when the old zygote is to end.

        Raises WorkersFailed, OSError; then the old orders stand.
        """
        spawner = await Spawner.start(self._program, orders)
        old, self._spawner, self._orders = self._spawner, spawner, orders
        on_change()
        if old is not None:
            await old.close()

    async def tend(
        self,
        on_report: Callable[[Forked | Died], None],
        on_death: Callable[[], None],
        on_return: Callable[[], None],
    ) -> None:
        """Pass reports on for ever; `on_death` when the zygote died, `on_return` when replaced."""
        spawner = self._spawner
        while spawner is not None:
            async for report in spawner.reports():
                on_report(report)
            if self._spawner is not spawner and self._spawner is not None:  # renewed
                spawner = self._spawner
                continue
            self._spawner = None
            on_death()
            log.error("zygote_died", code=await spawner.close())
            replacement = await self._replacement()
            if self.pid is not None:  # renewed meanwhile
                await replacement.close()
            else:
                self._spawner = replacement
                on_return()
            spawner = self._spawner

    def fork(self, token: str) -> None:
        """Ask for a worker; only while `can_fork`."""
        assert self._spawner is not None
        self._spawner.fork(token)

    def thrived(self) -> None:
        """A worker became ready: its program works."""
        self._failures = 0

    def died_young(self, then: Callable[[], None]) -> None:
        """A worker died before it was ready: fork none for a while, then call `then`.

        A broken program would otherwise be forked as fast as the machine can.
        """
        if self._brake is not None:
            return
        self._failures += 1
        seconds = min(0.05 * 2.0 ** min(self._failures, 10), BRAKE_SECONDS)
        self._brake = asyncio.get_running_loop().call_later(seconds, self._release, then)

    async def close(self) -> None:
        """End the zygote, and with it every worker that has no call. Idempotent."""
        if self._brake is not None:
            self._brake.cancel()
            self._brake = None
        if self._spawner is not None:
            spawner, self._spawner = self._spawner, None
            await spawner.close()

    def _release(self, then: Callable[[], None]) -> None:
        self._brake = None
        then()

    async def _replacement(self) -> Spawner:
        for pause in chain(RESTART_SECONDS, repeat(RESTART_SECONDS[-1])):
            await asyncio.sleep(pause)
            try:
                return await Spawner.start(self._program, self._orders)
            except (WorkersFailed, OSError) as error:
                log.error("zygote_failed", error=str(error))
        raise AssertionError("unreachable: the pauses have no end")
