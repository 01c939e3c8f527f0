"""Doors: what a server of this room is made of, and who came in by it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from sipagent.config import Scope

from .audit import AuditedCalls
from .browsers import Browsers
from .calls import Denied, Principal
from .keeping import Keeper
from .keyring import Client
from .nodes_view import Nodes
from .operating import Drains, System
from .packer import Packer
from .receivers import Receivers
from .record_book import RecordBook
from .short_tokens import ShortTokens


@dataclass(frozen=True, slots=True)
class Mount:
    """A door beside /v1. `open_paths` of it are let in without a token: it asks for its own
    proof; `pages` are files without secrets, to be read by anybody; `running` lasts as long as the
    server does.
    """

    app: ASGIApp
    open_paths: frozenset[str] = frozenset()
    pages: bool = False
    running: Callable[[], AbstractAsyncContextManager[object]] | None = None


@dataclass(frozen=True, slots=True)
class Phones:
    """Browser phones, and the tokens of their pages."""

    browsers: Browsers
    tokens: ShortTokens


@dataclass(frozen=True, slots=True)
class Doors:
    """`why_not_ready` is empty while calls are taken; `metrics` are given by an Accept header, with
    their content type; `mounts` are by the path they begin with; without `phones` there are none.
    """

    calls: AuditedCalls
    why_not_ready: Callable[[], str]
    streams: int = 50
    records: RecordBook | None = None
    system: System | None = None
    drains: Drains | None = None
    metrics: Callable[[str], tuple[bytes, str]] | None = None
    packer: Packer | None = None
    receivers: Receivers | None = None
    keeper: Keeper | None = None
    mounts: Mapping[str, Mount] = field(default_factory=dict)
    phones: Phones | None = None
    nodes: Nodes | None = None


def client_of(connection: HTTPConnection) -> Client:
    """Who came in. Raises Denied where nobody proved to be anybody."""
    client = connection.scope.get("state", {}).get("client")
    if not isinstance(client, Client):
        raise Denied("a token is needed")
    return client


def principal_of(connection: HTTPConnection, kind: str = "api") -> Principal:
    """Who came in, as they stand on record: `sipagent mcp` says that it is one. Raises Denied."""
    client = client_of(connection)
    if connection.headers.get("sipagent-client") == "mcp":
        kind = "mcp"
    origin = connection.client.host if connection.client is not None else ""
    return Principal(f"{kind}:{client.name}", origin, client.verbs)


@dataclass(frozen=True, slots=True)
class Needs:
    """What a route asks of whoever uses it: a token with that scope."""

    scope: Scope

    def __call__(self, connection: HTTPConnection) -> None:
        """Raises Denied."""
        client = client_of(connection)
        if self.scope not in client.scopes:
            raise Denied(f"the token {client.name} has no scope {self.scope}")


def needs(scope: Scope) -> Needs:
    """A dependency of a route, which the server's document tells, too."""
    return Needs(scope)
