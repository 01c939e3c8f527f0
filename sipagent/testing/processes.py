"""Peer processes: started by us, ended by us, by their own id."""

import asyncio
import os
import shutil
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence
from pathlib import Path

#: seconds a process has to end by itself before it is killed
_PATIENCE = 3.0
#: before a command: it is asked to end when the thread that starts it does, as with tests that are
#: killed (prctl(2), PR_SET_PDEATHSIG); its pid is the command's
LEASH = ("setpriv", "--pdeathsig", "TERM", "--")


async def start(
    command: Sequence[str], log: Path, cwd: Path, more: Mapping[str, str] | None = None
) -> Process:
    """Start a program without a terminal, with `more` in its environment; what it prints goes to
    `log`.

    Raises FileNotFoundError when it is not installed.
    """
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(command[0])
    with log.open("wb") as out:
        return await asyncio.create_subprocess_exec(
            *LEASH,
            *command,
            stdin=DEVNULL,
            stdout=out,
            stderr=out,
            cwd=cwd,
            env={**os.environ, **(more or {})},
        )


async def stop(process: Process) -> None:
    """End a process: ask first, kill if it does not listen. Idempotent."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_PATIENCE):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
