"""A whole server as processes that can be killed and started again on the same ports and state."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Self

from sipagent.call.cdr import Cdr
from sipagent.store.bundle import CALL, Bundle, read_bundle
from sipagent.store.journal import Journal

from .ports import free_port
from .processes import LEASH

#: for a process to say or do something, on a machine that is busy
PATIENCE = 150.0


async def until(condition: Callable[[], object], timeout: float = PATIENCE) -> None:
    """Look 20 times a second until something holds. Raises TimeoutError."""
    async with asyncio.timeout(timeout):
        while True:
            if condition():
                return
            await asyncio.sleep(0.05)


class MortalServer:
    """`async with MortalServer(folder, plans) as server:` serves; leaving it ends what is left."""

    def __init__(self, folder: Path, plans: Mapping[str, str], **settings: Any) -> None:
        self.folder = folder
        self.port = free_port()
        self.starts = 0
        self._process: Process | None = None
        self._plans = plans
        self._settings = settings

    async def __aenter__(self) -> Self:
        """Write settings and plans, and start."""
        plans = self.folder / "plans"
        plans.mkdir(parents=True)
        for name, text in self._plans.items():
            (plans / f"{name}.yaml").write_text(text)
        self.configure()
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the server, and workers it left."""
        if self._process is not None:
            await self.kill()
        for pid in self.workers():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def configure(self, **more: Any) -> None:
        """Write sipagent.yaml: the settings this was made with, and `more` in their place."""
        listen = [
            {"transport": kind, "host": "127.0.0.1", "port": self.port} for kind in ("udp", "tcp")
        ]
        text = {
            "sip": {"listen": listen},
            "store": {"bundles": "calls"},
            "dialplans": ["plans"],
            "tools": [],
            **self._settings,
            **more,
        }
        (self.folder / "sipagent.yaml").write_text(json.dumps(text))

    async def start(self) -> None:
        """Start the gateway and wait until it serves. Raises TimeoutError, ChildProcessError."""
        self.starts += 1
        with self.log.open("wb") as out:
            self._process = await asyncio.create_subprocess_exec(
                *(*LEASH, sys.executable, "-m", "sipagent", "serve"),
                cwd=self.folder,
                stdin=DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, "SIPAGENT_LOG__FORMAT": "json"},
            )
        await self.logged("serving")

    async def kill(self) -> None:
        """SIGKILL, to the gateway alone."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._process = None

    def signal(self, number: int) -> None:
        """Send the gateway a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    async def exited(self) -> int:
        """Wait for its end; the exit code. Raises TimeoutError."""
        assert self._process is not None
        async with asyncio.timeout(PATIENCE):
            code = await self._process.wait()
        self._process = None
        return code

    @property
    def log(self) -> Path:
        """What the gateway of now and its workers say."""
        return self.folder / f"serve-{self.starts}.log"

    @property
    def pid(self) -> int:
        """The gateway's process."""
        assert self._process is not None
        return self._process.pid

    def uri(self, number: str, transport: str = "udp") -> str:
        """How to call a plan."""
        suffix = "" if transport == "udp" else f";transport={transport}"
        return f"sip:{number}@127.0.0.1:{self.port}{suffix}"

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The log's lines about `event`."""
        known = (json.loads(x) for x in self.log.read_text().splitlines() if x[:1] == "{")
        return [line for line in known if line.get("event") == event]

    async def logged(self, event: str, count: int = 1) -> dict[str, Any]:
        """The `count`th line about `event`. Raises TimeoutError, ChildProcessError."""
        async with asyncio.timeout(PATIENCE):
            while len(found := self.lines(event)) < count:
                if self._process is not None and self._process.returncode is not None:
                    raise ChildProcessError(self.log.read_text())
                await asyncio.sleep(0.05)
        return found[count - 1]

    def workers(self) -> list[int]:
        """Every process of this server that is not the gateway: they name its folder in none of
        their arguments, but write to its logs.
        """
        found = []
        for process in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                out = (process / "fd/2").readlink()
                gateway = self._process.pid if self._process is not None else 0
                if out.parent == self.folder and int(process.name) != gateway:
                    found.append(int(process.name))
        return found

    async def alone(self) -> None:
        """Wait until no process of this server is left. Raises TimeoutError."""
        await until(lambda: not self.workers())

    async def bundles(self, count: int) -> list[Bundle]:
        """The bundles of `count` calls, waiting for them. Raises TimeoutError."""
        calls = self.folder / "calls"
        await until(lambda: len(list(calls.glob(f"*/{CALL}"))) >= count)
        return [read_bundle(path.parent) for path in sorted(calls.glob(f"*/{CALL}"))]

    def journal(self) -> list[tuple[str, str]]:
        """Kind and key of what the gateway would have to know again."""
        return list(self._read_journal().places)

    def facts(self, kind: str) -> list[dict[str, Any]]:
        """What it would know of a kind."""
        return [fact.value for fact in self._read_journal().all(kind).values()]

    def _read_journal(self) -> Journal:
        journal = Journal(self.folder / "calls/.state/journal.jsonl")
        journal.read()
        return journal

    def records(self) -> list[Cdr]:
        """The rows of the database."""
        with closing(sqlite3.connect(self.folder / "sipagent.sqlite3")) as database:
            rows = database.execute("select record from calls").fetchall()
        return [Cdr.model_validate_json(row[0]) for row in rows]
