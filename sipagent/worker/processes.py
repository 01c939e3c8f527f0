"""Processes that are not our children: who is who, and when one ends (pidfd_open(2))."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def born(pid: int) -> int | None:
    """When a process began, in ticks since the machine did: with its number, its identity.

    None where there is none, or one that has ended already.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in ("Z", "X") else int(fields[19])


class Vigil:
    """Waits for ends; each is told once."""

    def __init__(self) -> None:
        self._watched: dict[int, int] = {}

    def keep(self, pid: int, ended: Callable[[], None]) -> None:
        """Call `ended` when the process has; soon, where it has already."""
        if pid in self._watched:
            return
        loop = asyncio.get_running_loop()
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            loop.call_soon(ended)
            return
        self._watched[pid] = descriptor
        loop.add_reader(descriptor, self._ended, pid, ended)

    def leave(self, pid: int | None) -> None:
        """It is nothing to us any more. Idempotent."""
        descriptor = self._watched.pop(pid, None) if pid is not None else None
        if descriptor is not None:
            asyncio.get_running_loop().remove_reader(descriptor)
            with suppress(OSError):
                os.close(descriptor)

    def close(self) -> None:
        """Leave all."""
        for pid in tuple(self._watched):
            self.leave(pid)

    def _ended(self, pid: int, ended: Callable[[], None]) -> None:
        self.leave(pid)
        ended()
