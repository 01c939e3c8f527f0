"""An MCP server as one phone call sees it, for whoever speaks the protocol to provide."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sipagent.call.interview import Answers
from sipagent.errors import SipAgentError

from .spec import McpUse, Terms


class McpFailed(SipAgentError):
    """No result came: the server is not there, left, or answered what is not of the protocol."""


@dataclass(frozen=True, slots=True)
class RemoteTool:
    """A tool as its server declares it: nothing here is to be trusted. Hints are None where the
    server says nothing.
    """

    name: str
    description: str = ""
    title: str = ""
    schema: Mapping[str, Any] | None = None
    read_only: bool | None = None
    destructive: bool | None = None


@dataclass(frozen=True, slots=True)
class RemoteResult:
    """What a tool gave back as text; `size` is in bytes before it was cut."""

    text: str
    ok: bool = True
    size: int = 0


@dataclass(frozen=True, slots=True)
class RemoteText:
    """A resource that was read."""

    name: str
    uri: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a server. "changed" comes when it lists other tools than before, "updated"
    when a resource that was read is another now. `ms` is how long connecting took.
    """

    state: Literal["connected", "failed", "lost", "changed", "updated"]
    detail: str = ""
    ms: int = 0


@dataclass(frozen=True, slots=True)
class Elicitation:
    """What a server asks of the caller while its tool runs. A `url` is to be opened, not asked."""

    message: str
    schema: Mapping[str, Any] | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Who hears of a call while it runs: its progress (the server's words, which may be none),
    and what it asks.
    """

    progress: Callable[[str], None]
    elicit: Callable[[Elicitation], Awaitable[Answers]]


class McpServer(Protocol):
    """One connection, or one that is being made. Nothing of it outlives the phone call."""

    @property
    def shown(self) -> str:
        """Where it is, without secrets."""
        ...

    @property
    def tools(self) -> Sequence[RemoteTool]:
        """As last listed, in this call or an earlier one; empty before."""
        ...

    def follow(self, told: Callable[[Change], None]) -> Callable[[], None]:
        """Be told what becomes of it, what already did at once; the result ends it."""
        ...

    async def call(self, tool: str, arguments: Mapping[str, Any], hooks: Hooks) -> RemoteResult:
        """Wait for the connection, and call. Cancelling tells the server. Raises McpFailed."""
        ...

    async def read(
        self, wanted: bool | tuple[str, ...], variables: Mapping[str, str]
    ) -> Sequence[RemoteText]:
        """Resources: all that are listed, or these URIs and templates. Raises McpFailed."""
        ...


class McpServers(Protocol):
    """The servers that the agents of one phone call may have."""

    def open(
        self, use: McpUse, fill: Callable[[Mapping[str, str]], Mapping[str, str]]
    ) -> tuple[McpServer, Terms]:
        """The server, which is being connected to if it was not before; `fill` fills templates in
        headers. Raises McpFailed where it may not be had.
        """
        ...
