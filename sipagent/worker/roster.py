"""Roster: every worker that exists, its deadlines, and its one end."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import structlog

from .handle import WorkerHandle, WorkerState
from .protocol import Ping
from .spawner import Died, Forked

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a worker is waited for; seconds, unless the name says otherwise."""

    ready: float = 5.0  #: from the fork to its first message
    exit: float = 2.0  #: from its last message to its end
    hang_up: float = 5.0  #: for a call told to end
    take: float = 2.0  #: a new call's wait for a worker; a fork takes 20 ms, on a busy machine more
    ping: float = 2.0  #: between pings
    pings_missed: int = 3  #: in a row; then it is killed


class Roster:
    """Owns the handles. Whatever happens to a worker, `on_gone` is called once for it."""

    def __init__(self, patience: Patience, on_gone: Callable[[WorkerHandle], None]) -> None:
        self._patience = patience
        self._on_gone = on_gone
        self._workers: dict[str, WorkerHandle] = {}
        self._pings = 0
        #: set while there is no worker at all
        self.empty = asyncio.Event()
        self.empty.set()

    def __len__(self) -> int:
        return len(self._workers)

    def __iter__(self) -> Iterator[WorkerHandle]:
        return iter(list(self._workers.values()))

    def get(self, token: str) -> WorkerHandle | None:
        """The worker of this token, if it exists."""
        return self._workers.get(token)

    def count(self, *states: WorkerState) -> int:
        """How many are in one of these states."""
        return sum(worker.state in states for worker in self._workers.values())

    def add(self, token: str) -> WorkerHandle:
        """A worker that is about to be forked; it must become ready in time."""
        worker = WorkerHandle(token, asyncio.get_running_loop().time())
        self._workers[token] = worker
        self.empty.clear()
        worker.limit(self._patience.ready, partial(self.doom, worker, "did not become ready"))
        return worker

    def reported(self, report: Forked | Died) -> None:
        """Word from the zygote."""
        match report:
            case Forked(token=token, pid=pid):
                worker = self._workers.get(token)
                if worker is not None:
                    worker.born(pid)
                else:  # given up before it was born
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            case Died(pid=pid, code=code):
                for worker in self:
                    if worker.pid == pid:
                        self._died(worker, code)

    def orphaned(self) -> None:
        """The zygote is dead, so the kernel killed them all."""
        for worker in self:
            worker.why = worker.why or "crashed: the zygote died"
            self._died(worker, -signal.SIGKILL)

    def finish(self, worker: WorkerHandle, why: str) -> None:
        """It has nothing more to do: it must exit in time."""
        worker.why = worker.why or why
        if worker.state is WorkerState.FINISHING:
            return  # its death was reported before its last words were read
        worker.move(WorkerState.FINISHING)
        worker.limit(self._patience.exit, partial(self.doom, worker, "did not exit"))

    def doom(self, worker: WorkerHandle, why: str) -> None:
        """Kill it; it is gone when that is reported, or after `Patience.exit` at the latest."""
        if worker.doomed or worker.state is WorkerState.GONE:
            return
        log.warning("worker_killed", worker=worker.token, pid=worker.pid, why=why)
        if worker.state is not WorkerState.FINISHING:
            worker.move(WorkerState.FINISHING)
        worker.kill(why)
        worker.limit(self._patience.exit, partial(self._settle, worker))

    def lost(self, worker: WorkerHandle) -> None:
        """Its channel has ended: all it had to say was heard."""
        worker.channel = None
        if worker.exit_code is not None:
            self._settle(worker)
        elif worker.state not in (WorkerState.FINISHING, WorkerState.GONE):
            worker.move(WorkerState.FINISHING)
            worker.limit(self._patience.exit, partial(self.doom, worker, "crashed: channel lost"))

    def ping(self) -> None:
        """Ask everybody; end those who did not answer several times in a row."""
        self._pings += 1
        for worker in self:
            if worker.channel is None or worker.doomed:
                continue
            if worker.unanswered >= self._patience.pings_missed:
                self.doom(worker, "unresponsive")
                continue
            worker.unanswered += 1
            worker.send(Ping(n=self._pings))

    def _died(self, worker: WorkerHandle, code: int) -> None:
        worker.exit_code = code
        if worker.channel is None:
            self._settle(worker)
            return
        # Its last events may still stand in the socket; the end of the channel follows them.
        if worker.state is not WorkerState.FINISHING:
            worker.move(WorkerState.FINISHING)
        worker.limit(self._patience.exit, partial(self._settle, worker))

    def _settle(self, worker: WorkerHandle) -> None:
        if worker.state is WorkerState.GONE:
            return
        worker.move(WorkerState.GONE)
        del self._workers[worker.token]
        if worker.channel is not None:
            worker.channel.close()
        if not self._workers:
            self.empty.set()
        self._on_gone(worker)
