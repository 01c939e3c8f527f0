"""Events of MCP servers: what became of a connection, and each call of one of their tools."""

from typing import Literal

from .base import Base, Personal


class McpServerChanged(Base):
    """An agent's server was connected to, could not be, was lost, or lists other tools now.
    `tools` are those offered by it, `left_out` those that are not though they were asked for.
    """

    type: Literal["mcp_server_changed"] = "mcp_server_changed"
    server: str
    url: str = ""
    state: Literal["connected", "failed", "lost", "changed", "updated", "refused"]
    tools: int = 0
    left_out: tuple[str, ...] = ()
    detail: str = ""
    ms: int = 0


class McpCalled(Base):
    """A tool of a server was called, as `tool_called` and `tool_returned` tell in the model's
    words. `ms` includes what the caller was asked meanwhile; `bytes` is the size of the result
    before it was cut; `asked` how often the server asked the caller something.
    """

    type: Literal["mcp_called"] = "mcp_called"
    server: str
    tool: str
    outcome: Literal["answered", "error", "timeout", "failed", "cancelled"]
    ms: int = 0
    bytes: int = 0
    asked: int = 0
    detail: Personal = ""
