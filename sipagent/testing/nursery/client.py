"""The tests' end of the nursery: one for this process, started when the first child is wanted."""

import asyncio
import atexit
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sipagent.worker.spawner import Program
from sipagent.worker.zygote import SINGLE_THREADED

from .order import NUMBER, Order

#: for the nursery's imports, on a machine that is busy, seconds
_PATIENCE = 60.0


class Child:
    """A process the nursery forked: as much of `asyncio.subprocess.Process` as anybody wants."""

    def __init__(self, pid: int, told: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._end = asyncio.ensure_future(self._ended(told))

    async def wait(self) -> int:
        """Its exit code, once it has ended; a negative one is the signal that ended it."""
        return await asyncio.shield(self._end)

    def kill(self) -> None:
        """Send SIGKILL. Raises ProcessLookupError."""
        if self.returncode is not None:
            raise ProcessLookupError(self.pid)
        os.kill(self.pid, signal.SIGKILL)

    async def _ended(self, told: socket.socket) -> int:
        with told:
            data = await asyncio.get_running_loop().sock_recv(told, NUMBER.size)
        # no word: the nursery was killed, and nobody knows
        self.returncode = NUMBER.unpack(data)[0] if data else -signal.SIGKILL
        return self.returncode


class Nursery:
    """Orders children; starts the process they come from when there is none."""

    def __init__(self) -> None:
        self._orders: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    async def bear(self, target: str, words: Sequence[str], *fds: int) -> Child:
        """Fork a process that calls `target`, `package.module:function`, with the words, in
        this process's environment and folder. `{0}` among them becomes the number the first of
        `fds` has over there. Raises TimeoutError, ChildProcessError.
        """
        order = Order(target, tuple(words), dict(os.environ), str(Path.cwd()))
        known = self._process
        child = await self._born(order, fds)
        if child is None and self._process is known is not None:
            # killed a moment ago: it took the order with it
            self.close()
            child = await self._born(order, fds)
        if child is None:
            raise ChildProcessError("the nursery died; its last words are on stderr")
        return child

    async def _born(self, order: Order, fds: Sequence[int]) -> Child | None:
        """None where the nursery died of it, or before. Raises TimeoutError."""
        told, tell = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        told.setblocking(False)
        with tell:
            self._send(pickle.dumps(order), [tell.fileno(), 1, 2, *fds])
        try:
            async with asyncio.timeout(_PATIENCE):
                data = await asyncio.get_running_loop().sock_recv(told, NUMBER.size)
        except BaseException:  # cancelled as well: no socket is left behind
            told.close()
            raise
        if not data:
            told.close()
            return None
        return Child(NUMBER.unpack(data)[0], told)

    def close(self) -> None:
        """End the process; its children live on. Idempotent."""
        if self._process is not None and self._orders is not None:
            self._orders.close()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            self._process.kill()
            self._process.wait()
        self._process = self._orders = None

    def _send(self, order: bytes, fds: Sequence[int]) -> None:
        if self._orders is not None:
            try:
                socket.send_fds(self._orders, [order], fds)
                return
            except ConnectionError:  # it was killed
                self.close()
        self._orders = self._start()
        socket.send_fds(self._orders, [order], fds)

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        number = theirs.fileno()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", f"{__package__}.server", str(number)],
                stdin=subprocess.DEVNULL,
                pass_fds=[number],
                env={**os.environ, **SINGLE_THREADED},
                start_new_session=True,
            )
        return ours


#: this process's own: it ends with us, as its socket closes
_nursery = Nursery()
atexit.register(_nursery.close)


async def _zygote(arguments: Sequence[str], control: int) -> Child:
    words = ["--control", "{0}", *arguments]
    return await _nursery.bear("sipagent.worker.zygote:main", words, control)


#: for `Gateway(program=...)`: its zygotes need not import anything
WORKER = Program(launch=_zygote)


async def stage(wire: int) -> Child:
    """An actor's process. See `testing.stage`."""
    return await _nursery.bear("sipagent.testing.stage:main", ["{0}"], wire)
