"""What an agent is offered of an MCP server: the keys of plans and settings, and their sum."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

#: whose calls need the caller's own yes: nobody's; those the server calls destructive; all that it
#: does not call read-only; every one
Confirm = Literal["never", "destructive", "writes", "always"]
STRICTNESS: tuple[Confirm, ...] = ("never", "destructive", "writes", "always")
#: every tool of a server, said explicitly
ALL = "*"
#: seconds for one call of a tool; calls of one server's tools in one call
TIMEOUT, MAX_CALLS = 5.0, 50
#: servers one agent may have
MAX_SERVERS = 8


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) and value != ALL else value


Names = Annotated[tuple[str, ...] | Literal["*"], BeforeValidator(_listed)]


class Offer(BaseModel):
    """What is offered of a server, and how its tools are called."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    tools: Names | None = Field(
        default=None, description='tools that are offered, or "*"; nothing that is not listed'
    )
    exclude: tuple[str, ...] = Field(default=(), description="tools that are not, listed or not")
    confirm: Confirm | None = Field(
        default=None,
        description="tools that need the caller's own yes: never, destructive (default; as the "
        "server says), writes (all that are not read-only), always",
    )
    timeout: float | None = Field(
        default=None, gt=0, le=120, description="seconds for one call of a tool (default 5)"
    )
    max_calls: int | None = Field(
        default=None, ge=1, description="of its tools in one phone call (default 50)"
    )
    say_progress: bool = Field(
        default=False, description="say aloud what the server tells of its progress"
    )


class McpUse(Offer):
    """`mcp_servers:` of a plan or an agent: a server of sipagent.yaml by its name, narrowed; or
    one by URL, where the operator allows its host.
    """

    server: str | None = Field(default=None, description="a name under mcp_servers of the settings")
    url: str | None = Field(default=None, description="streamable HTTP")
    headers: Mapping[str, str] = Field(
        default_factory=dict, description="of a server by URL; ${global_data.x} are filled in"
    )
    prefix: str | None = Field(
        default=None,
        max_length=32,
        description="stands before its tools' names; default: the server's name and _",
    )
    resources: bool | tuple[str, ...] = Field(
        default=False,
        description="read into global_data when the talk begins: all, or these URIs",
    )
    resource_vars: Mapping[str, str] = Field(
        default_factory=dict, description="fill in the variables of resource templates"
    )

    @model_validator(mode="after")
    def _one_place(self) -> "McpUse":
        if (self.server is None) == (self.url is None):
            raise ValueError("needs either server or url")
        if self.headers and self.server is not None:
            raise ValueError("headers of a server by name stand in sipagent.yaml")
        return self

    @property
    def name(self) -> str:
        """What events and prefixes call it."""
        return self.server or host_of(self.url or "")


def _named(value: Any) -> Any:
    if isinstance(value, str | Mapping):
        value = (value,)
    if not isinstance(value, list | tuple):
        return value
    return tuple({"server": item} if isinstance(item, str) else item for item in value)


def _few(uses: tuple[McpUse, ...]) -> tuple[McpUse, ...]:
    if len(uses) > MAX_SERVERS:
        raise ValueError(f"an agent can have {MAX_SERVERS} servers")
    return uses


#: servers by name alone, or with more to say
McpUses = Annotated[tuple[McpUse, ...], BeforeValidator(_named), AfterValidator(_few)]


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms one agent has one server: its plan's, within the operator's."""

    name: str
    prefix: str
    #: None is all
    tools: frozenset[str] | None = frozenset()
    exclude: frozenset[str] = frozenset()
    confirm: Confirm = "destructive"
    timeout: float = TIMEOUT
    max_calls: int = MAX_CALLS
    say_progress: bool = False
    resources: bool | tuple[str, ...] = False
    resource_vars: Mapping[str, str] = field(default_factory=dict)


def terms_of(use: McpUse, declared: Offer | None) -> Terms:
    """A plan's wishes within what sipagent.yaml declares of the server (None: nothing)."""
    own = declared or Offer()
    return Terms(
        name=use.name,
        prefix=f"{use.name}_" if use.prefix is None else use.prefix,
        tools=_both(use.tools, own.tools),
        exclude=frozenset({*use.exclude, *own.exclude}),
        confirm=max(
            filter(None, (use.confirm, own.confirm)), key=STRICTNESS.index, default="destructive"
        ),
        timeout=min(use.timeout or own.timeout or TIMEOUT, own.timeout or 120.0),
        max_calls=min(use.max_calls or own.max_calls or MAX_CALLS, own.max_calls or MAX_CALLS),
        say_progress=use.say_progress or own.say_progress,
        resources=use.resources,
        resource_vars=use.resource_vars,
    )


def _both(wanted: Names | None, declared: Names | None) -> frozenset[str] | None:
    """What both list; a side that says nothing leaves it to the other, and two say nothing."""
    sides = [side for side in (wanted, declared) if side is not None]
    if not sides:
        return frozenset()
    lists = [frozenset(side) for side in sides if side != ALL]
    return frozenset.intersection(*lists) if lists else None


def host_of(url: str) -> str:
    """`crm` of `https://user:pass@crm.example:8443/mcp`."""
    authority = url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    label = authority.partition(".")[0].partition(":")[0]
    return "".join(c if c.isalnum() else "_" for c in label) or "mcp"
