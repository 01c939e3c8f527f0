"""Settings of the RELAY door: where clients connect, who they are, and which calls they get."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from pydantic import Field

from .api import ApiTls, Token
from .parts import Host, Part, Port


class RelayProject(Token):
    """A project, as clients name it; the token they show stands as those of the HTTP door do."""

    contexts: tuple[str, ...] = Field(
        default=(), description='whose calls its clients may receive; "*" stands for anything'
    )
    dial: bool = Field(default=False, description="whether its clients may call out")

    def receives(self, context: str) -> bool:
        """May its clients have calls offered in this context?"""
        return any(fnmatchcase(context, pattern) for pattern in self.contexts)


class Relay(Part):
    """The RELAY door: a WebSocket for SignalWire's own clients. They always speak TLS: without
    `tls` here, a proxy in front does it for them.
    """

    host: Host = "127.0.0.1"
    port: Port = 8443
    tls: ApiTls | None = None
    projects: Mapping[str, RelayProject] = Field(default_factory=dict)
    connections: int = Field(default=50, ge=1, description="at a time; above: closed at once")
    grace: float = Field(
        default=20.0,
        ge=0,
        le=300,
        description="seconds a lost client has to come back to its calls",
    )
    dial_plan: str = Field(
        default="",
        description="the plan of calls that clients make; its `relay` step hands them over",
    )
    dial_section: str = Field(default="main", description="where that plan begins for them")
