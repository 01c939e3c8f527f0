"""Settings of MCP servers: where they are, who we are to them, what plans may have of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AnyHttpUrl, Field, SecretStr, model_validator

from sipagent.tools.mcp.spec import Offer

from .parts import OneOrMore, Part


class ClientCredentials(Part):
    """OAuth 2.1 client credentials. They are sent to the `issuer` and to nobody else."""

    issuer: str = Field(
        pattern=r"^https?://[^/\s]", description="exactly as the authorization server says it"
    )
    client_id: str
    client_secret: SecretStr
    scope: str | None = None


class McpServer(Offer):
    """One server: a URL (streamable HTTP) or a command that speaks on its stdin and stdout. What
    is offered here bounds what plans may offer of it.
    """

    url: AnyHttpUrl | None = None
    headers: Mapping[str, SecretStr] = Field(
        default_factory=dict, description="of every request; use ${env:...}"
    )
    token: SecretStr | None = Field(default=None, description="bearer token")
    oauth: ClientCredentials | None = None
    command: Annotated[tuple[str, ...], OneOrMore] = Field(
        default=(), description="program and arguments: a process of its own for every phone call"
    )
    env: Mapping[str, SecretStr] = Field(
        default_factory=dict, description="its environment, beside PATH, HOME, LANG and TZ"
    )
    cwd: Path | None = Field(default=None, description="where it runs")
    connect_seconds: float = Field(
        default=10.0, gt=0, le=60, description="until it is given up; no greeting waits for it"
    )
    list_seconds: float = Field(
        default=86_400.0, ge=0, description="its tools of an earlier call are offered at once"
    )
    protocol: Literal["auto", "legacy"] = Field(
        default="auto", description="legacy: begin with the handshake of 2025-11-25 and before"
    )

    @model_validator(mode="after")
    def _one_way(self) -> "McpServer":
        if (self.url is None) == (not self.command):
            raise ValueError("needs either url or command")
        if self.command and (self.headers or self.token or self.oauth):
            raise ValueError("headers, token and oauth belong to a url")
        if self.url is not None and (self.env or self.cwd):
            raise ValueError("env and cwd belong to a command")
        if self.token is not None and self.oauth is not None:
            raise ValueError("token and oauth exclude each other")
        return self


def _plain(names: Mapping[str, McpServer]) -> Mapping[str, McpServer]:
    for name in names:
        if not name.replace("_", "a").isalnum() or len(name) > 32:
            raise ValueError(f"{name!r}: names of servers are letters, figures and _")
    return names


McpServers = Annotated[dict[str, McpServer], AfterValidator(_plain)]
