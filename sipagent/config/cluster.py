"""Settings of a cluster: who this node is, by what nodes talk, and what stands in front of them."""

import platform
import re
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from .parts import Network, OneOrMore, Part

_NODE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SCHEMES = ("nats", "tls", "ws", "wss")


def _here() -> str:
    """The host's name, as far as a node may be called so."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", platform.node())[:64] or "node"


def _node(name: str) -> str:
    if not _NODE.fullmatch(name):
        raise ValueError(f"{name!r} is not a name of letters, digits, - and _, 64 at most")
    return name


def _server(url: str) -> str:
    """`nats://host:port`, `host:port` and `host` mean the same."""
    whole = url if "://" in url else f"nats://{url}"
    parts = urlsplit(whole)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValueError("not nats://host:port, tls://host:port, ws:// or wss://")
    if parts.username or parts.password:
        raise ValueError("credentials stand in user and password, or in token")
    _ = parts.port  # raises ValueError
    return whole


def _host_port(text: str) -> str:
    """`host:port`, `[::1]:port`, or a host alone, whose port is 5060."""
    parts = urlsplit(f"//{text}")
    if not parts.hostname or parts.path or parts.query or "@" in text:
        raise ValueError(f"{text!r} is not host:port")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{host}:{parts.port or 5060}"


#: an address as `host:port`
HostPort = Annotated[str, AfterValidator(_host_port)]


class NatsTls(Part):
    """TLS towards NATS servers, beside what their certificates say. PEM files."""

    authorities: Path | None = Field(
        default=None, description="CAs to believe; default: those of the system"
    )
    certificate: Path | None = Field(default=None, description="ours, where they want to see one")
    key: Path | None = None

    @model_validator(mode="after")
    def _paired(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")
        return self


class Nats(Part):
    """The NATS servers all nodes talk by. Who may speak there is a node: what stops strangers is
    `user` and `password`, `token` or a certificate.
    """

    servers: Annotated[tuple[Annotated[str, AfterValidator(_server)], ...], OneOrMore] = Field(
        default=("nats://127.0.0.1:4222",), min_length=1, description="any of them will do"
    )
    user: str | None = None
    password: SecretStr | None = None
    token: SecretStr | None = None
    tls: NatsTls | None = Field(
        default=None, description="default: what the servers' addresses say (tls://)"
    )
    prefix: str = Field(
        default="sipagent",
        pattern=r"^[A-Za-z0-9_-]{1,32}(\.[A-Za-z0-9_-]{1,32}){0,3}$",
        description="what subjects begin with: one for each cluster on the same servers",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together")
        if self.user is not None and self.token is not None:
            raise ValueError("either user and password, or token")
        return self


class Front(Part):
    """The proxies in front of all nodes (Kamailio), seen from outside and from here."""

    address: HostPort = Field(description="host:port that trunks and phones know")
    trusted: Annotated[tuple[Network, ...], OneOrMore] = Field(
        default=(), description="networks of the proxies; what they say of a source is believed"
    )


class Cluster(Part):
    """This server as one of several."""

    node: Annotated[str, AfterValidator(_node)] = Field(
        default_factory=_here,
        description="its name, no other node's; default: the name of the host",
    )
    nats: Nats = Nats()
    secret: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="the same at every node: callers stand in the database under a key made of it, "
        "so that all nodes' agents remember the same caller; default: a key of each node's own",
    )
    sip: HostPort | None = Field(
        default=None,
        description="host:port where the front and other nodes reach it; default: its public "
        "address",
    )
    front: Front | None = Field(
        default=None, description="the proxies in front; absent: everybody reaches each node"
    )


def anchored(cluster: Cluster | None, folder: Path) -> Cluster | None:
    """The same with relative paths under `folder`."""
    if cluster is None or cluster.nats.tls is None:
        return cluster
    found = cluster.nats.tls.model_dump(exclude_none=True)
    tls = NatsTls(**{name: (folder / path).absolute() for name, path in found.items()})
    return cluster.model_copy(update={"nats": cluster.nats.model_copy(update={"tls": tls})})
