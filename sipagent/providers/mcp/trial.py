"""Trial: connect to a configured server once, without a call, and see what it has."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sipagent.config.mcp import McpServer
from sipagent.tools.mcp.server import Change, RemoteTool

from .servers import CONFIGURED, shelf_of


@dataclass(frozen=True, slots=True)
class Trial:
    """How it came out; `detail` says who it is, or why it cannot be had. `ms` to connect."""

    ok: bool
    shown: str
    detail: str
    ms: int
    tools: Sequence[RemoteTool]


async def try_out(name: str, declared: McpServer, folder: Path) -> Trial:
    """Connect, list, and leave; what it lists is kept for the next call. Never raises."""
    connection = CONFIGURED(declared, shelf_of(folder, name, declared))
    settled: asyncio.Future[Change] = asyncio.get_running_loop().create_future()

    def told(change: Change) -> None:
        # the first failure is the answer: the second attempt is for calls
        if not settled.done():
            settled.set_result(change)

    connection.follow(told)
    change = await settled
    ok = change.state == "connected"
    tools = tuple(connection.tools) if ok else ()
    await connection.close()
    return Trial(ok, connection.shown, change.detail, change.ms, tools)
