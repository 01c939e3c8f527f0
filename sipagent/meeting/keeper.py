"""MixerKeeper: the gateway's hold on the mixer's process: started when wanted, replaced when it
dies under calls, adopted when an earlier gateway left one.
"""

import asyncio
import os
import signal
import socket
import struct
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from sipagent.tasks import lasting, stopped

from .mixer import Hello
from .wire import connected, insistent

log = structlog.get_logger(__name__)

START_SECONDS = 10.0
#: of silence, while it should say every second that all is well
HUNG_SECONDS = 10.0
#: pauses after a mixer that did not come up; the last repeats
_PAUSES = (0.0, 0.2, 1.0, 5.0)
#: mixers that calls still need
_LEFT: list[Process] = []
_PEER = struct.Struct("3i")  # of unix(7): pid, uid, gid
#: thread pools nobody here uses
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class MixerKeeper:
    """The mixer listens at `address`."""

    def __init__(self, path: Path, *, hung_seconds: float = HUNG_SECONDS) -> None:
        self.address = str(path)
        self._hung_seconds = hung_seconds
        #: whether calls are meeting now: then a mixer that died is replaced
        self.in_use: Callable[[], bool] = lambda: False
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        #: how many mixers died under calls
        self.deaths = 0

    @property
    def pid(self) -> int | None:
        """The mixer's process id, where this gateway started it and it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def want(self) -> None:
        """Calls are about to meet: have a mixer. Returns at once; links wait for it."""
        if self._task is None or self._task.done():
            self._task = lasting(self._tend(), "mixer")

    async def leave(self) -> None:
        """Let it go on for calls that outlive this gateway; the next one finds it. Idempotent."""
        await self._look_away()
        if self._process is not None:
            _LEFT.append(self._process)  # forgotten, it would be killed
            self._process = None

    async def close(self) -> None:
        """End it. Idempotent."""
        await self._look_away()
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            self._tidy()

    def _tidy(self) -> None:
        """Killed, it had no time to take its socket away."""
        Path(self.address).unlink(missing_ok=True)

    async def _look_away(self) -> None:
        if self._task is not None:
            await stopped(self._task)
            self._task = None

    async def _tend(self) -> None:
        """Watch it while calls need it."""
        failures = 0
        while True:
            try:
                await self._watch()
                failures = 0
            except (OSError, TimeoutError) as error:
                failures += 1
                log.error("mixer_failed", cause=str(error) or type(error).__name__)
            if not self.in_use():
                return
            if failures == 0:
                self.deaths += 1
                log.error("mixer_died", address=self.address)
            await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])

    async def _watch(self) -> None:
        """Have one and wait for its end. Raises OSError, TimeoutError."""
        try:
            wire = await connected(self.address, Hello())
        except OSError:
            await self._start()
            wire = await insistent(self.address, Hello(), START_SECONDS)
        with wire:
            await self._listen(wire)
        if self._process is not None:
            await self._process.wait()

    async def _listen(self, wire: socket.socket) -> None:
        """Until it is dead; one that says nothing any more is killed."""
        loop = asyncio.get_running_loop()
        pid, _, _ = _PEER.unpack(wire.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
        try:
            while await asyncio.wait_for(loop.sock_recv(wire, 64), self._hung_seconds):
                pass
        except TimeoutError:
            log.error("mixer_hangs", pid=pid, seconds=self._hung_seconds)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        except OSError:
            return

    async def _start(self) -> None:
        if self._process is not None and self._process.returncode is None:
            # it came up and cannot be reached: it is of no use to anybody
            self._process.kill()
            await self._process.wait()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sipagent.meeting.mixer", self.address),
            stdin=DEVNULL,
            env={**os.environ, **_ONE_THREAD},
            # it outlives a gateway that is restarted under calls, and Ctrl-C is not for it
            start_new_session=True,
        )
