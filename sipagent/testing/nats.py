"""A real nats-server on loopback, on a free port, in a temporary folder. It can be stopped, started
again on its port, and frozen.
"""

import asyncio
import json
import signal
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from sipagent.errors import SipAgentError

from . import processes

_PATIENCE = 30.0


class NatsError(SipAgentError):
    """The server did not start."""


class NatsServer:
    """`async with NatsServer() as server:` runs one; `options` are its own."""

    def __init__(self, *options: str) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="nats-")
        self._folder = Path(self._temporary.name)
        self._options: Sequence[str] = options
        self._process: Process | None = None
        self.port = -1

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"nats://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        self._temporary.cleanup()

    async def start(self) -> None:
        """Start, and wait until it listens. Raises NatsError."""
        command = (
            "/usr/sbin/nats-server", "--addr", "127.0.0.1", "--port", str(self.port),
            "--ports_file_dir", str(self._folder), *self._options,
        )  # fmt: skip
        log = self._folder / "log"
        try:
            self._process = await processes.start(command, log, self._folder)
        except FileNotFoundError as error:
            raise NatsError("nats-server is not installed: `make peers`") from error
        ports = self._folder / f"nats-server_{self._process.pid}.ports"
        try:
            async with asyncio.timeout(_PATIENCE):
                while (port := _port(ports)) is None:
                    if self._process.returncode is not None:
                        raise NatsError(f"nats-server ended at once:\n{log.read_text()[-2000:]}")
                    await asyncio.sleep(0.02)
        except TimeoutError as error:
            raise NatsError(f"nats-server does not listen:\n{log.read_text()[-2000:]}") from error
        self.port = port

    async def stop(self) -> None:
        """End it; `start` takes the same port. Idempotent."""
        if self._process is not None:
            self.thaw()
            await processes.stop(self._process)
            self._process = None

    def freeze(self) -> None:
        """It stands still, and its connections with it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def nats() -> AsyncIterator[str]:
    """A server for as long as it is wanted; its URL."""
    async with NatsServer() as server:
        yield server.url


def _port(file: Path) -> int | None:
    """Of `{"nats": ["nats://127.0.0.1:4222"]}`, once it is written."""
    try:
        return int(json.loads(file.read_text())["nats"][0].rpartition(":")[2])
    except (OSError, ValueError, KeyError, IndexError):
        return None
