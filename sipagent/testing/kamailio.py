"""Kamailio: Debian's SIP server as a peer, on a free port, in memory."""

import asyncio
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from sipagent.errors import SipAgentError

from . import processes
from .ports import free_port

_PATIENCE = 15.0


class KamailioError(SipAgentError):
    """Kamailio did not start, or said no to a command."""


class Kamailio:
    """`async with Kamailio(config) as pbx:`; RUNDIR, PORT and the `values` are filled into the
    configuration's text, and into files `beside` it. It can be stopped and started again, on the
    same port. `control` is the name of its socket for commands.
    """

    def __init__(
        self,
        config: Path | str,
        *,
        port: int | None = None,
        beside: Mapping[str, str] | None = None,
        control: str = "ctl",
        **values: str,
    ) -> None:
        self.port = port or free_port()
        self._temporary = tempfile.TemporaryDirectory(prefix="kam-")
        self._folder = Path(self._temporary.name)
        self._control = control
        self._values = {"RUNDIR": str(self._folder), "PORT": str(self.port), **values}
        self._config = self._folder / "kamailio.cfg"
        self.write("kamailio.cfg", config.read_text() if isinstance(config, Path) else config)
        for name, text in (beside or {}).items():
            self.write(name, text)
        self._process: Process | None = None

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it printed since it was started last."""
        return (self._folder / "log").read_text(errors="replace")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        self._temporary.cleanup()

    def write(self, name: str, text: str) -> None:
        """A file of its folder, filled in."""
        for key, value in self._values.items():
            text = text.replace(key, value)
        (self._folder / name).write_text(text)

    async def start(self) -> None:
        """Start, and wait until it answers. Raises KamailioError."""
        command = [
            "/usr/sbin/kamailio", "-DD", "-E", "-m", "32", "-M", "4", "-Y", str(self._folder),
            "-P", str(self._folder / "pid"), "-f", str(self._config),
        ]  # fmt: skip
        try:
            self._process = await processes.start(command, self._folder / "log", self._folder)
        except FileNotFoundError as error:
            raise KamailioError("kamailio is not installed: `make peers`") from error
        async with asyncio.timeout(_PATIENCE):
            while not await self._alive():
                if self._process.returncode is not None:
                    raise KamailioError(f"kamailio ended at once:\n{self.log[-2000:]}")
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """End it; what it knew is lost. Idempotent."""
        if self._process is not None:
            await processes.stop(self._process)

    async def command(self, *words: str) -> str:
        """A command of its own (`kamcmd`); what it answers. Raises KamailioError."""
        socket = f"unix:{self._folder / self._control}"
        process = await asyncio.create_subprocess_exec(
            "/usr/sbin/kamcmd", "-s", socket, *words, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
        )
        out, errors = await process.communicate()
        if process.returncode or errors.strip():
            raise KamailioError(f"{' '.join(words)}: {(errors or out).decode()}")
        return out.decode()

    async def contacts(self) -> str:
        """What is registered, as it prints it."""
        return await self.command("ul.dump")

    async def set_password(self, user: str, password: str) -> None:
        """From now on this is the user's password."""
        await self.command("htable.sets", "pw", f"s:{user}", f"s:{password}")

    async def _alive(self) -> bool:
        try:
            await self.command("core.uptime")
        except KamailioError:
            return False
        return True
