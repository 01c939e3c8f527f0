"""Settings of the HTTP door: where it listens, who may come in, and what they may do."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from sipagent.call.policy import Policy

from .parts import Host, Part, Port

Scope = Literal[
    "calls:read",
    "records:read",
    "system:read",
    "calls:control",
    "webrtc:call",
    "calls:originate",
    "system:control",
    "tokens:issue",
    "records:control",
]
Role = Literal["viewer", "operator", "admin"]
_VIEWER: frozenset[Scope] = frozenset({"calls:read", "records:read", "system:read"})
_OPERATOR: frozenset[Scope] = _VIEWER | {"calls:control", "webrtc:call"}
_ADMIN: frozenset[Scope] = _OPERATOR | {
    "calls:originate",
    "system:control",
    "tokens:issue",
    "records:control",
}
#: what each role may do at most
ROLES: Mapping[Role, frozenset[Scope]] = {
    "viewer": _VIEWER,
    "operator": _OPERATOR,
    "admin": _ADMIN,
}
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def _hash(text: str) -> str:
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", text):
        raise ValueError("not sha256: and 64 hexadecimal digits; `sipagent token` makes one")
    return text


class Token(Part):
    """Somebody who may come in. The token itself stands in the environment or in a file, or only
    its hash here.
    """

    token_env: str | None = Field(default=None, description="environment variable that holds it")
    token_file: Path | None = Field(default=None, description="file that holds it, alone")
    hash: Annotated[str, AfterValidator(_hash)] | None = Field(
        default=None, description="sha256:HEX of it, as `sipagent token` prints"
    )
    role: Role = "viewer"
    scopes: frozenset[Scope] | None = Field(
        default=None, description="fewer than those of the role; default: all of them"
    )
    verbs: frozenset[str] | None = Field(
        default=None, description="what it may do to a call, by verb; default: every verb"
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(s is not None for s in (self.token_env, self.token_file, self.hash)) != 1:
            raise ValueError("needs exactly one of token_env, token_file and hash")
        if self.scopes is not None and (more := self.scopes - ROLES[self.role]):
            raise ValueError(f"a {self.role} has no {', '.join(sorted(more))}")
        return self

    @property
    def may(self) -> frozenset[Scope]:
        """What it may do."""
        return ROLES[self.role] if self.scopes is None else self.scopes


class ApiTls(Part):
    """Files of the certificate and its key, PEM."""

    certificate: Path
    key: Path


class Api(Part):
    """The HTTP door: /v1, /mcp and what is mounted beside them. Plain HTTP is for loopback, or
    for a proxy in front.
    """

    host: Host = "127.0.0.1"
    port: Port = 8080
    tls: ApiTls | None = None
    hosts: tuple[str, ...] = Field(
        default=("localhost", "127.0.0.1", "[::1]"),
        description="names it answers to (Host header), against DNS rebinding",
    )
    origins: tuple[str, ...] = Field(
        default=(), description="web pages elsewhere that may use it, https://host; none by default"
    )
    tokens: Mapping[str, Token] = Field(default_factory=dict)
    console: bool = Field(
        default=True, description="the pages at /console/, which ask for a token themselves"
    )
    policy: Policy | None = Field(
        default=None,
        description="bounds every verb that comes from outside, beside the plan's policy and the "
        "server's; its destinations are the only ones that can be called out to",
    )
    requests_per_second: float = Field(default=20.0, gt=0, description="of one token")
    under_way: int = Field(
        default=100, ge=1, description="requests at a time, open streams included; above: 503"
    )
    streams: int = Field(default=50, ge=1, description="event streams open at a time; above: 503")
    body_bytes: int = Field(default=262_144, ge=1024, description="longest body; above: 413")

    @model_validator(mode="after")
    def _named(self) -> Self:
        for name in self.tokens:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name for a token: letters, digits, _ . -")
        return self
