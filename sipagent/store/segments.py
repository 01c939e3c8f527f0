"""Segments: files of lines that only grow, numbered, the highest being written."""

import errno
import os
from pathlib import Path


def segment(prefix: Path, number: int, suffix: str) -> Path:
    """`PREFIX.NUMBER.SUFFIX`."""
    return prefix.with_name(f"{prefix.name}.{number}.{suffix}")


def segments(prefix: Path, suffix: str) -> list[tuple[int, Path]]:
    """Those there are, the oldest first."""
    found = []
    for path in prefix.parent.glob(f"{prefix.name}.*.{suffix}"):
        number = path.name.split(".")[-2]
        if number.isdigit():
            found.append((int(number), path))
    return sorted(found)


class Growing:
    """A file that lines are added to. A line is with the kernel before `write` returns: it outlives
    the process, not the machine's power.
    """

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self.path = path
        self._file: int | None = os.open(path, flags, 0o600)
        self._torn = False

    def write(self, line: bytes) -> None:
        """Add it. Raises OSError, also where only a part of it found room."""
        assert self._file is not None
        if self._torn:  # the part that did must not spoil what comes
            line = b"\n" + line
            self._torn = False
        written = os.write(self._file, line)
        if written < len(line):
            self._torn = written > 0
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

    def sync(self) -> None:
        """Wait until what was added is safe from a loss of power, too. Raises OSError."""
        assert self._file is not None
        os.fsync(self._file)

    def close(self) -> None:
        """Idempotent."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
