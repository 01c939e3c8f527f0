"""Supervisor: keeps warm workers ready, gives each call one, and sees every one of them off."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import structlog

from sipagent.config import Settings
from sipagent.events import Event
from sipagent.store.journal import Journal
from sipagent.tasks import Background

from .channel import ChannelError
from .handle import IN_CALL, GatewayChannel, WorkerHandle, WorkerState, WrongMove
from .home import Home
from .keeper import Keeper
from .pool import LINE, NoRoom, Pool
from .protocol import (
    UP,
    Assignment,
    Claimed,
    Finished,
    HangUp,
    Happened,
    Ping,
    Pong,
    Quit,
    Ready,
    Request,
    Returned,
    Up,
)
from .roster import Patience, Roster
from .spawner import Program, WorkersFailed
from .survivors import note, survivors
from .tally import Stats, Tally
from .watcher import Watcher
from .zygote import Orders

log = structlog.get_logger(__name__)


class Supervisor:
    """The gateway's side of all workers."""

    def __init__(
        self,
        settings: Settings,
        *,
        home: Home,
        on_ready: Callable[[WorkerHandle], None],
        on_event: Callable[[WorkerHandle, Event], None],
        on_gone: Callable[[WorkerHandle, str], None],
        on_request: Callable[[WorkerHandle, Request], None] = lambda worker, message: None,
        program: Program | None = None,
        patience: Patience | None = None,
        journal: Journal | None = None,
    ) -> None:
        """`journal` says who was in a call when the gateway before us ended."""
        self._limits = settings.limits
        self._patience = patience or Patience()
        self._home = home
        self._journal = journal or Journal()
        self._keeper = Keeper(program or Program(), Orders(home, settings))
        self._watcher = Watcher(on_ready, on_event, on_gone, on_request)
        self._roster = Roster(self._patience, self._gone)
        self._pool = Pool(settings.limits.warm, settings.limits.calls)
        self._tally = Tally()
        self._server: asyncio.Server | None = None
        self._tasks = Background()
        self._accepting = False
        self._left = False

    async def start(self) -> None:
        """Start zygote and socket and wait for the warm workers. Raises WorkersFailed.

        Workers of the gateway before us are taken over; where we cannot start they are left to
        the next.
        """
        folder = self._home.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        try:
            with self._home.socket() as path:
                self._server = await asyncio.start_unix_server(self._connected, path)
            self._take_over()
            await self._keeper.start()
            self._accepting = True
            self._tasks.start(self._ping())
            self._tasks.start(
                self._keeper.tend(self._roster.reported, self._zygote_died, self._zygote_returned)
            )
            self._refill()
            async with asyncio.timeout(self._patience.ready):
                await self._pool.filled.wait()
        except TimeoutError as error:
            await self.leave()
            raise WorkersFailed("no worker became ready; see its log") from error
        except BaseException:  # cancelled as well: nothing of ours is left behind
            await self.leave()
            raise

    async def take(self, assignment: Assignment) -> WorkerHandle:
        """A worker with this call assigned to it, within `Patience.take`.

        Raises NoRoom at the cap, while the zygote is away and after `drain` or `close`, and
        ChannelError when the assignment is too big for the channel.
        """
        try:
            worker = await self._idle_worker()
        except NoRoom:
            self._tally.counts["refused"] += 1
            raise
        note(self._journal, worker, assignment)
        try:
            worker.assign(assignment)
        except ChannelError:
            self._journal.forget(worker.token)
            self._pool.offer(worker)
            raise
        self._await_claim(worker)
        self._tally.counts["taken"] += 1
        self._refill()
        return worker

    async def drain(self, seconds: float) -> None:
        """Take no new call, wait `seconds` for the live ones, then hang up, then kill."""
        self._refuse("the server is going down")
        for worker in self._roster:
            if worker.state is WorkerState.IDLE:
                self._quit(worker)
        if await self._emptied(seconds):
            return
        for worker in self._roster:
            worker.send(HangUp(reason="the server is going down"))
        if not await self._emptied(self._patience.hang_up):
            await self._kill_all("did not hang up")

    async def reload(self, settings: Settings) -> None:
        """Workers for calls to come have these settings; those in a call keep what they have.

        Raises WorkersFailed, OSError, with the old settings in force.
        """
        await self._keeper.renew(Orders(self._home, settings), self._renewed)
        self._limits = settings.limits
        self._pool.resize(settings.limits.warm, settings.limits.calls)
        self._refill()

    async def close(self) -> None:
        """Kill what is left, end the zygote and close the socket. Idempotent."""
        self._refuse("the server is closed")
        await self._kill_all("the server closed")
        await self.leave()

    async def leave(self) -> None:
        """End the zygote and what has no call, and close the socket. Workers in a call are left
        to the gateway that comes next. Idempotent.
        """
        self._refuse("the server is closed")
        self._left = True
        if self._server is not None:  # first: who loses us now looks for the next one
            self._server.close()
            self._server = None
            self._home.take_socket_away()
        await self._tasks.stop()
        self._roster.leave()
        await self._keeper.close()

    @property
    def zygote_pid(self) -> int | None:
        """The zygote's process id, while there is one."""
        return self._keeper.pid

    @property
    def handles(self) -> tuple[WorkerHandle, ...]:
        """Every worker that exists; to look at, not to move."""
        return tuple(self._roster)

    @property
    def full(self) -> bool:
        """True while there is no worker for a call, and none to be made."""
        if not self._accepting or self._keeper.pid is None:
            return True
        return self._pool.idle == 0 and len(self._roster) >= self._pool.cap

    @property
    def stats(self) -> Stats:
        """How it goes."""
        return Stats(
            processes=len(self._roster),
            idle=self._pool.idle,
            calls=self._roster.count(*IN_CALL),
            counts=dict(self._tally.counts),
            spawn_ms=self._tally.spawn_ms(),
        )

    # Workers come.

    def _refill(self, more: int = 0) -> None:
        """Fork as many as should stand ready, and `more`."""
        if not self._accepting or not self._keeper.can_fork:
            return
        spawning = self._roster.count(WorkerState.SPAWNED)
        for _ in range(self._pool.wanted(len(self._roster), spawning, more)):
            token = secrets.token_hex(8)
            self._roster.add(token)
            self._keeper.fork(token)

    async def _idle_worker(self) -> WorkerHandle:
        if self._keeper.pid is None or not self._accepting:
            raise NoRoom("no workers at the moment")
        worker = self._pool.take()
        if worker is not None:
            return worker
        self._refill(more=1)
        # those that come, go, or may yet be made: more may wait than are forked for at once
        moving = self._roster.count(WorkerState.SPAWNED, WorkerState.FINISHING)
        room = moving + self._pool.cap - len(self._roster)
        if self._pool.waiting >= room:
            raise NoRoom(f"{len(self._roster)} workers, at most {self._pool.cap}")
        if self._pool.waiting >= LINE:
            raise NoRoom(f"{LINE} calls wait for a worker already")
        return await self._pool.wait(self._patience.take)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._left:  # it was at the door when the door was closed
            writer.close()
            return
        self._tasks.start(self._converse(GatewayChannel(reader, writer, UP)))

    def _take_over(self) -> None:
        """Everybody who had a call must report; until then it is taken to go on."""
        for survivor in survivors(self._journal):
            worker = self._roster.restore(survivor)
            self._watcher.ready(worker)
            log.info("worker_awaited", worker=worker.token, pid=worker.pid, alive=survivor.alive)
            seconds = self._limits.orphan_seconds
            self._roster.expect(worker, alive=survivor.alive, seconds=seconds)

    async def _converse(self, channel: GatewayChannel) -> None:
        worker: WorkerHandle | None = None
        stranger = False  # told to end; what it says on the way is nobody's
        try:
            async for message in channel:
                if stranger:
                    continue
                if worker is None:
                    worker = self._introduce(channel, message)
                    stranger = worker is None
                else:
                    self._received(worker, message)
        except (ChannelError, WrongMove) as error:
            log.error("channel_broken", worker=worker and worker.token, error=str(error))
            if worker is not None:
                self._roster.doom(worker, f"crashed: {error}")
        finally:
            channel.close()
            if worker is not None:
                self._roster.lost(worker)

    def _introduce(self, channel: GatewayChannel, message: Up) -> WorkerHandle | None:
        if isinstance(message, Returned):
            return self._welcome(channel, message)
        if not isinstance(message, Ready):
            raise WrongMove(f"{message.type} before ready")
        worker = self._roster.get(message.token)
        if worker is None or worker.state is not WorkerState.SPAWNED:
            raise WrongMove("ready from nobody we know")
        worker.move(WorkerState.IDLE)
        worker.pid = message.pid
        worker.address = (message.host, message.port)
        worker.channel = channel
        self._tally.spawned(asyncio.get_running_loop().time() - worker.spawned_at)
        self._keeper.thrived()
        self._watcher.ready(worker)
        if self._accepting:
            self._pool.offer(worker)
        else:
            self._quit(worker)
        self._refill()
        return worker

    def _welcome(self, channel: GatewayChannel, message: Returned) -> WorkerHandle | None:
        """A worker of the gateway before us. None for one whose call nobody here knows."""
        if not self._home.proven(message.token, message.proof):
            raise WrongMove("returned without proof")
        worker = self._roster.get(message.token)
        if worker is None or worker.state is not WorkerState.AWAY:
            log.error("worker_unknown", worker=message.token, pid=message.pid)
            channel.send(HangUp(reason="the server does not know this call"))
            return None
        worker.channel, worker.assignment = channel, message.assignment
        worker.move(WorkerState.CLAIMED if message.claimed else WorkerState.ASSIGNED)
        if not message.claimed:
            self._await_claim(worker)
        log.info("worker_returned", worker=worker.token, call_id=message.assignment.call_id)
        self._tally.counts["returned"] += 1
        worker.send(Ping(n=0))  # so that it knows that it is heard
        if tuple(message.edge) != self._home.edge:
            worker.send(HangUp(reason="its way to the server is lost"))
        return worker

    def _await_claim(self, worker: WorkerHandle) -> None:
        too_late = partial(self._roster.doom, worker, "did not claim its call")
        worker.limit(self._limits.claim_seconds, too_late)

    def _received(self, worker: WorkerHandle, message: Up) -> None:
        match message:
            case Happened():
                self._watcher.event(worker, message.event)
                worker.hearing.upto(message.n)
            case Pong():
                worker.unanswered = 0
            case Claimed() if worker.state is WorkerState.FINISHING:
                pass  # it was told to end while it spoke
            case Claimed():
                worker.move(WorkerState.CLAIMED)
            case Finished():
                self._roster.finish(worker, "finished")
                worker.hearing.tell()
                if worker.channel is not None:
                    worker.channel.close()  # it waits for that
            case Ready() | Returned():
                raise WrongMove(f"{message.type} twice")
            case _:  # `Request`: somebody else's to answer
                self._watcher.request(worker, message)

    # Workers go.

    def _gone(self, worker: WorkerHandle) -> None:
        self._pool.discard(worker)
        why = worker.verdict
        self._tally.counts["finished" if worker.orderly else "lost"] += 1
        if worker.address is not None:
            self._watcher.gone(worker, why)
            self._journal.forget(worker.token)
        elif self._accepting:
            log.error("worker_never_ready", worker=worker.token, why=why)
            self._keeper.died_young(self._refill)
        self._refill()

    def _quit(self, worker: WorkerHandle) -> None:
        worker.send(Quit())
        self._pool.discard(worker)
        self._roster.finish(worker, "quit")

    def _refuse(self, why: str) -> None:
        self._accepting = False
        self._pool.refuse_waiting(why)

    async def _emptied(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._roster.empty.wait()
        return self._roster.empty.is_set()

    async def _kill_all(self, why: str) -> None:
        for worker in self._roster:
            self._roster.doom(worker, why)
        await self._roster.empty.wait()  # `doom` has a deadline of its own

    # Standing work.

    def _zygote_died(self) -> None:
        self._pool.refuse_waiting("the zygote died")
        self._roster.orphaned()

    def _renewed(self) -> None:
        """Another zygote forks from now on: idle workers of the old one end with it."""
        for worker in self._roster:
            if worker.state is WorkerState.IDLE:
                self._quit(worker)
        self._roster.orphaned()

    def _zygote_returned(self) -> None:
        self._tally.counts["zygote_restarts"] += 1
        self._refill()

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(self._patience.ping)
            self._roster.ping()
            for worker in self._pool.surplus():
                self._quit(worker)
