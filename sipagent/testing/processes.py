"""Peer processes: started by us, ended by us, by their own id."""

import asyncio
import os
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence
from pathlib import Path

#: seconds a process has to end by itself before it is killed
_PATIENCE = 3.0


async def start(
    command: Sequence[str], log: Path, cwd: Path, more: Mapping[str, str] | None = None
) -> Process:
    """Start a program without a terminal, with `more` in its environment; what it prints goes to
    `log`.

    Raises FileNotFoundError when it is not installed.
    """
    with log.open("wb") as out:
        return await asyncio.create_subprocess_exec(
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
