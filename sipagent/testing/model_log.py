"""KeptModelLog: a model log in memory."""

import json
from collections.abc import Mapping
from typing import Any

from sipagent.store.exchanges import ModelRecord, gather


class KeptModelLog:
    """A `ModelLog`; what it holds stood in a file, so it is JSON."""

    keeps = True

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.lines: list[bytes] = []
        self.closed = False

    def number(self) -> int:
        """See `ModelLog`."""
        return 1 + sum(b'"type": "request"' in line for line in self.lines)

    def put(self, line: Mapping[str, Any]) -> None:
        """See `ModelLog`."""
        self.lines.append(json.dumps(line).encode())

    async def close(self) -> None:
        """See `ModelLog`."""
        self.closed = True

    @property
    def record(self) -> ModelRecord:
        """All of it, read back."""
        return gather(self.lines)
