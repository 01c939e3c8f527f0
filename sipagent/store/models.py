"""`models.jsonl` of a call: what its models were asked and answered, a line for each."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import structlog

from sipagent.tasks import lasting, stopped

from .vault import PLAIN, Files

MODELS = "models.jsonl"
#: bytes of one call's file; what comes later is counted and left out
MOST = 16 << 20
#: how long lines gather before they are written, seconds
_GATHER = 0.5
_LEFT_OUT = b'{"type":"left_out","lines":%d}\n'
_log = structlog.get_logger(__name__)


class ModelFile:
    """A `ModelLog`: lines gather in memory, `MOST` bytes of them at most in all, and are written
    by a thread, so that a slow disk holds up nothing. A disk that fails is logged once.
    """

    keeps = True

    def __init__(self, path: Path, most: int = MOST, files: Files = PLAIN) -> None:
        self.known: set[str] = set()
        self._file = _Growing(path, files)
        self._left = most
        self._numbers = 0
        self._lines: list[bytes] = []
        self._left_out = 0
        self._writer: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._closed = self._failing = False

    def number(self) -> int:
        """See `ModelLog`."""
        self._numbers += 1
        return self._numbers

    def put(self, line: Mapping[str, Any]) -> None:
        """See `ModelLog`."""
        if self._closed:
            return
        raw = json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str)
        data = raw.encode("utf-8", "replace") + b"\n"
        if len(data) > self._left:
            # nothing after it either: half a record that looks whole helps nobody
            self._left, self._left_out = 0, self._left_out + 1
            return
        self._left -= len(data)
        self._lines.append(data)
        if self._writer is None or self._writer.done():
            self._writer = lasting(self._write_soon(), "model exchanges")

    async def close(self) -> None:
        """See `ModelLog`."""
        if self._closed:
            return
        if self._left_out:
            self._lines.append(_LEFT_OUT % self._left_out)
        self._closed = True
        await stopped(self._writer)
        await self._write()
        await asyncio.to_thread(self._file.close)

    async def _write_soon(self) -> None:
        while self._lines:
            await asyncio.sleep(_GATHER)
            # a write that has begun is done to its end
            await asyncio.shield(asyncio.ensure_future(self._write()))

    async def _write(self) -> None:
        async with self._turn:
            lines, self._lines = self._lines, []
            try:
                if lines:
                    await asyncio.to_thread(self._file.write, b"".join(lines))
            except OSError as error:
                if not self._failing:
                    _log.error("models_not_kept", path=str(self._file.path), cause=str(error))
                self._failing = True


class _Growing:
    """The file, which is there from the first line on."""

    def __init__(self, path: Path, files: Files) -> None:
        self.path = path
        self._files = files
        self._file: BinaryIO | None = None

    def write(self, data: bytes) -> None:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._files.create(self.path, private=True)
        self._file.write(data)
        self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
