"""PostgreSQL: Debian's server as a peer, in a folder of its own, reached by a socket in it.

A watchman (a shell, in a session of its own) ends the server and removes the folder as soon as
the pipe to whoever started it breaks: a test run that is killed leaves nothing behind.
"""

import asyncio
import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import IO, Any, Self

import asyncpg

from sipagent.errors import SipAgentError

#: PostgreSQL refuses to be root's
_USER = "postgres"
#: seconds in which it starts, or is gone, on a machine that is busy
_PATIENCE = 60.0
#: each line it reads starts the server; the end of them ends it
_WATCH = (
    'while read -r _; do "$@" >>log 2>&1 & pid=$!; done; '
    '[ -z "$pid" ] || { kill -QUIT "$pid"; wait "$pid"; } 2>/dev/null; rm -rf "$PWD"'
)
#: what it may forget when the machine stops, and what it need not do for a test
_SETTINGS = (
    *("listen_addresses=", "fsync=off", "full_page_writes=off", "max_connections=100"),
    *("shared_buffers=32MB", "max_wal_size=256MB", "autovacuum=off"),
)


class PostgresError(SipAgentError):
    """PostgreSQL did not start, or is not installed."""


class PostgresServer:
    """`with PostgresServer() as server:` runs one. It can be killed, and started again with what
    it had by then.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._watchman: subprocess.Popen[bytes] | None = None
        self._databases = count(1)

    def __enter__(self) -> Self:
        """Make its files, and start. Raises PostgresError."""
        try:
            if os.geteuid() == 0:
                shutil.chown(self._folder, _USER, _USER)
            command = [
                *(_program("initdb"), "-D", "data", "-A", "trust", "-U", _USER, "--no-sync"),
                *("--no-instructions", "-E", "UTF8", "--locale=C.UTF-8"),
            ]
            with self._log() as log:
                how = _as_user(cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
                made = subprocess.run(command, check=False, **how)  # noqa: S603
            if made.returncode:
                raise PostgresError(self.log)
            self.start()
        except BaseException:  # interrupted as well: no server is left behind
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End it, and remove its files. Idempotent."""
        if self._watchman is not None:
            assert self._watchman.stdin is not None
            self._watchman.stdin.close()
            self._watchman.wait(_PATIENCE)
            self._watchman = None
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def log(self) -> str:
        """What it printed."""
        return (self._folder / "log").read_text(errors="replace")

    @property
    def pid(self) -> int:
        """The first of its processes. Raises PostgresError where none runs."""
        try:
            return int(self._pid_file.read_text().split()[0])
        except (OSError, ValueError, IndexError) as error:
            raise PostgresError("it does not run") from error

    def url(self, database: str = _USER, user: str = _USER) -> str:
        """As it stands in `store.database`."""
        return f"postgresql+asyncpg://{user}@/{database}?host={self._folder}"

    def start(self) -> None:
        """Start it, or start it again; returns when it takes connections. Raises PostgresError."""
        if self._watchman is None:
            settings = [word for setting in _SETTINGS for word in ("-c", setting)]
            command = [_program("postgres"), "-D", "data", "-k", str(self._folder), *settings]
            with self._log() as log:
                self._watchman = subprocess.Popen(  # noqa: S603
                    ["/bin/sh", "-c", _WATCH, "watchman", *command],
                    **_as_user(cwd=self._folder, stdin=subprocess.PIPE, stdout=log, stderr=log),
                    start_new_session=True,
                )
        assert self._watchman.stdin is not None
        self._watchman.stdin.write(b"start\n")
        self._watchman.stdin.flush()
        until = time.monotonic() + _PATIENCE
        # the last line of its pid file is the state it is in
        while not self._state().startswith("ready"):
            if time.monotonic() > until:
                raise PostgresError(f"it did not start: {self.log}")
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL to all of its processes, as a machine without memory gives it."""
        first = self.pid
        processes = [first, *_children(first)]
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        until = time.monotonic() + _PATIENCE
        while any(map(_runs, processes)) and time.monotonic() < until:
            time.sleep(0.01)
        self._pid_file.unlink()

    async def database(self) -> str:
        """Make a database nobody has; its name."""
        name = f"d{next(self._databases)}"
        # of several templates, this is the one nobody is connected to
        await self._administer(f"CREATE DATABASE {name} TEMPLATE template0")
        return name

    async def drop(self, database: str) -> None:
        """Remove it, whoever is connected."""
        await self._administer(f"DROP DATABASE {database} WITH (FORCE)")

    @property
    def _pid_file(self) -> Path:
        return self._folder / "data" / "postmaster.pid"

    def _state(self) -> str:
        with suppress(OSError):
            lines = self._pid_file.read_text().splitlines()
            return lines[7] if len(lines) > 7 else ""
        return ""

    def _log(self) -> IO[bytes]:
        """To write to."""
        path = self._folder / "log"
        path.touch()
        if os.geteuid() == 0:
            shutil.chown(path, _USER, _USER)
        return path.open("ab")

    async def _administer(self, statement: str) -> None:
        connection = await asyncpg.connect(
            host=str(self._folder), user=_USER, database=_USER, timeout=_PATIENCE
        )
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


_lock = threading.Lock()
_ours: list[PostgresServer] = []


@asynccontextmanager
async def postgres() -> AsyncIterator[str]:
    """The URL of a fresh database, which is gone afterwards. The server is one of this process's,
    started by the first that asks. Raises PostgresError.
    """
    server = await asyncio.to_thread(_server)
    database = await server.database()
    try:
        yield server.url(database)
    finally:
        await server.drop(database)


def _server() -> PostgresServer:
    with _lock:
        if not _ours:
            server = PostgresServer().__enter__()
            atexit.register(server.__exit__)
            _ours.append(server)
        return _ours[0]


def _as_user(**how: Any) -> dict[str, Any]:
    """How a process of PostgreSQL's is started."""
    return {**how, "user": _USER, "group": _USER, "extra_groups": []} if os.geteuid() == 0 else how


def _program(name: str) -> str:
    """Debian keeps a version's programs in a folder of its own. Raises PostgresError."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        raise PostgresError(f"{name} is not installed: apt-get install postgresql")
    return path


def _children(process: int) -> Sequence[int]:
    children = Path(f"/proc/{process}/task/{process}/children")
    with suppress(OSError):
        return [int(child) for child in children.read_text().split()]
    return []


def _runs(process: int) -> bool:
    """Not gone, and not waiting to be noticed as gone."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
