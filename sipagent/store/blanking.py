"""Blanking: taking lines out of a file that somebody may be adding to: overwritten where they
stand, so that no place of another line moves. Readers of such files skip blank lines.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

#: bytes read at a time
_PART = 1 << 20


def count_lines(path: Path, theirs: Callable[[bytes], bool]) -> int:
    """Lines that would go; 0 where there is no file. Raises OSError."""
    return sum(1 for _, line in lines_of(path) if theirs(line))


def blank_lines(path: Path, theirs: Callable[[bytes], bool]) -> int:
    """Put spaces in place of the lines of somebody; how many. Raises OSError."""
    return replace_lines(path, lambda line: b" " * len(line) if theirs(line) else line)


def replace_lines(path: Path, written: Callable[[bytes], bytes]) -> int:
    """Write lines (without their end) anew, as long as they were; how many. Raises OSError, and
    ValueError where one would not fit.
    """
    changed = [(at, new) for at, line in lines_of(path) if (new := written(line)) != line]
    if not changed:
        return 0
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        for at, new in changed:
            os.pwrite(file, new, at)
        os.fsync(file)
    finally:
        os.close(file)
    return len(changed)


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each line and where it begins; none where there is no file. One that is being written (no
    end yet) is one, too. Raises OSError.
    """
    try:
        file = path.open("rb", buffering=_PART)
    except FileNotFoundError:
        return
    with file:
        at = 0
        for line in file:
            yield at, line.removesuffix(b"\n")
            at += len(line)
