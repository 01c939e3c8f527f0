"""The gateway's end of the zygote: start it, ask it for workers, hear of their deaths."""

import asyncio
import os
import pickle
import socket
import struct
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import structlog

from sipagent.errors import SipAgentError

from .zygote import SINGLE_THREADED, Orders

log = structlog.get_logger(__name__)

LOAD_SECONDS = 60.0  #: for its imports and models, on a slow disk
END_SECONDS = 2.0


class WorkersFailed(SipAgentError):
    """The server cannot start: its zygote, or the first workers, did not come up."""


class Launched(Protocol):
    """The zygote's process, as far as the gateway cares."""

    @property
    def pid(self) -> int:
        """Its process id."""
        ...

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        ...

    def kill(self) -> None:
        """Send SIGKILL. Raises ProcessLookupError."""
        ...


async def afresh(arguments: Sequence[str], control: int) -> Process:
    """The zygote as a new Python, which has everything to import."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sipagent.worker.zygote"),
        *("--control", str(control)),
        *arguments,
        stdin=DEVNULL,
        pass_fds=[control],
        env={**os.environ, **SINGLE_THREADED},
        # Ctrl-C in the terminal is for the gateway, which drains.
        start_new_session=True,
    )


#: starts a zygote with these arguments, and this descriptor as its control socket
Launch = Callable[[Sequence[str], int], Awaitable[Launched]]


@dataclass(frozen=True, slots=True)
class Program:
    """What the zygote runs: `package.module:function`, as `zygote.Entry` and `zygote.Preload`."""

    entry: str = "sipagent.worker.main:run"
    preload: str = "sipagent.worker.main:preload"
    launch: Launch = afresh

    async def start(self, control: int) -> Launched:
        """Start a zygote that runs it, with this descriptor as its control socket."""
        return await self.launch(["--entry", self.entry, "--preload", self.preload], control)


@dataclass(frozen=True, slots=True)
class Forked:
    """A worker has a process now."""

    token: str
    pid: int


@dataclass(frozen=True, slots=True)
class Died:
    """A worker's process was reaped; a negative `code` is the signal that ended it."""

    pid: int
    code: int


class Spawner:
    """A running zygote."""

    def __init__(
        self, process: Launched, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls, program: Program, orders: Orders) -> "Spawner":
        """Start a zygote and wait until it can fork. Raises WorkersFailed."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await program.start(theirs.fileno())
        reader, writer = await asyncio.open_connection(sock=ours)
        spawner = cls(process, reader, writer)
        data = pickle.dumps(orders)
        writer.write(struct.pack("!I", len(data)) + data)
        try:
            async with asyncio.timeout(LOAD_SECONDS):
                await spawner._await_up()
        except TimeoutError as error:
            await spawner.close()
            raise WorkersFailed("the zygote did not load in time") from error
        except BaseException:  # cancelled as well: no process is left behind
            await spawner.close()
            raise
        return spawner

    @property
    def pid(self) -> int:
        """The zygote's process id."""
        return self._process.pid

    def fork(self, token: str) -> None:
        """Ask for a worker; `Forked` follows, and its Ready on the workers' socket."""
        self._writer.write(token.encode() + b"\n")

    async def reports(self) -> AsyncIterator[Forked | Died]:
        """What happens to its children, until the zygote ends."""
        while line := await self._line():
            match line:
                case ["forked", token, pid]:
                    yield Forked(token, int(pid))
                case ["dead", pid, code]:
                    yield Died(int(pid), int(code))

    async def close(self) -> int:
        """End the zygote, and with it every worker that has no call; return its exit code.

        Idempotent.
        """
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()
        try:
            async with asyncio.timeout(END_SECONDS):
                return await self._process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            return await self._process.wait()

    async def _await_up(self) -> None:
        match await self._line():
            case ["up", threads]:
                if threads != "1":
                    # A lock such a thread holds at the fork stays locked in the worker for ever.
                    log.warning("zygote_has_threads", threads=int(threads))
            case _:
                code = await self.close()
                raise WorkersFailed(f"the zygote ended with {code}; its log line says why")

    async def _line(self) -> list[str]:
        """The words of the next line, or none when the zygote has ended."""
        try:
            return (await self._reader.readline()).decode().split()
        except ConnectionError:
            return []
