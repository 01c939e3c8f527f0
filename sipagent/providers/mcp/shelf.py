"""The tools a server listed in an earlier call, kept in a file: a talk need not wait for them."""

import hashlib
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from sipagent.tools.mcp.server import RemoteTool

#: bytes of a file, seconds it may be ahead of the clock
_MOST, _AHEAD = 2 << 20, 60.0


class ToolShelf:
    """`whose` tells servers apart that have the same name at different times; `seconds` is how
    long a list may be used. Losing the file costs nothing but the wait.
    """

    def __init__(self, folder: Path, name: str, whose: str, seconds: float) -> None:
        digest = hashlib.sha256(whose.encode()).hexdigest()[:12]
        self._file = folder / f"{name}-{digest}.json"
        self._seconds = seconds

    def tools(self) -> list[RemoteTool]:
        """Those that were listed last; none where that is too long ago or cannot be read."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            if self._file.stat().st_size > _MOST:
                return []
            kept = json.loads(self._file.read_bytes())
            if -_AHEAD < time.time() - kept["at"] < self._seconds:
                return [RemoteTool(**tool) for tool in kept["tools"]]
        return []

    def keep(self, tools: Sequence[RemoteTool]) -> None:
        """In place of what was there, at once or not at all."""
        data = json.dumps({"at": time.time(), "tools": [asdict(tool) for tool in tools]})
        if self._seconds <= 0 or len(data) > _MOST:
            return
        with suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = self._file.with_suffix(f".{time.monotonic_ns()}")
            fresh.write_text(data)
            fresh.chmod(0o600)
            fresh.replace(self._file)
