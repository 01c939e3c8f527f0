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
from .processes import Vigil
from .protocol import Ping
from .spawner import Died, Forked
from .survivors import Survivor

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
        self._vigil = Vigil()
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

    def restore(self, survivor: Survivor) -> WorkerHandle:
        """A worker of the gateway before us; `expect` it once everybody knows it."""
        worker = WorkerHandle(survivor.token, asyncio.get_running_loop().time())
        worker.state = WorkerState.AWAY
        worker.pid, worker.address = survivor.pid, survivor.address
        worker.assignment = survivor.assignment
        self._workers[worker.token] = worker
        self.empty.clear()
        return worker

    def expect(self, worker: WorkerHandle, *, alive: bool, seconds: float) -> None:
        """It must report in time, if it lives."""
        if alive:
            worker.limit(seconds, partial(self.doom, worker, "lost: it did not come back"))
            self._watch(worker)
        else:
            worker.why = "lost: it ended while there was no server"
            self._died(worker, None)

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
        """Their zygote ends: those without a call with it, and nobody will report the others'
        ends.
        """
        for worker in self:
            if worker.pid is None:
                worker.why = worker.why or "crashed: the zygote died"
                self._died(worker, None)
            elif not worker.dead:
                self._watch(worker)

    def leave(self) -> None:
        """They are somebody else's from now on."""
        self._vigil.close()
        for worker in self:
            worker.limit(None)
            if worker.channel is not None:
                worker.channel.close()
        self._workers.clear()
        self.empty.set()

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
        if worker.dead:
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

    def _watch(self, worker: WorkerHandle) -> None:
        assert worker.pid is not None
        self._vigil.keep(worker.pid, partial(self._died, worker, None))

    def _died(self, worker: WorkerHandle, code: int | None) -> None:
        if worker.dead:
            return
        worker.dead, worker.exit_code = True, code
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
        self._vigil.leave(worker.pid)
        if worker.channel is not None:
            worker.channel.close()
        if not self._workers:
            self.empty.set()
        self._on_gone(worker)
