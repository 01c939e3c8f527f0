"""`models.jsonl` of a call: what its models were asked and answered, a line for each."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

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

    def __init__(self, path: Path, most: int = MOST) -> None:
        self.known: set[str] = set()
        self._path = path
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
        if self._writer is None:
            self._writer = asyncio.ensure_future(self._write_for_ever())

    async def close(self) -> None:
        """See `ModelLog`."""
        if self._closed:
            return
        if self._left_out:
            self._lines.append(_LEFT_OUT % self._left_out)
        self._closed = True
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        await self._write()

    async def _write_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_GATHER)
            # a write that has begun is done to its end
            await asyncio.shield(asyncio.ensure_future(self._write()))

    async def _write(self) -> None:
        async with self._turn:
            lines, self._lines = self._lines, []
            try:
                if lines:
                    await asyncio.to_thread(_append, self._path, b"".join(lines))
            except OSError as error:
                if not self._failing:
                    _log.error("models_not_kept", path=str(self._path), cause=str(error))
                self._failing = True


def _append(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, data)
    finally:
        os.close(file)
