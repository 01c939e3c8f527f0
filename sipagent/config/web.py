"""Settings of what plans and functions may ask on the web."""

import re
from ipaddress import ip_address, ip_network
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from .parts import OneOrMore, Part

_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")


def _allowed(text: str) -> str:
    """A host, host:port, an address or a network."""
    if "/" in text:
        ip_network(text)
        return text
    try:
        return str(ip_address(text.strip("[]")))
    except ValueError:
        host, colon, port = text.rpartition(":")
        host, port = (host, port) if colon else (text, "")
        if not _HOST.fullmatch(host) or (colon and not (port.isdigit() and 0 < int(port) < 65_536)):
            said = f"{text!r} is no host, host:port, address or network such as 10.0.0.0/8"
            raise ValueError(said) from None
        return text.lower()


Allowed = Annotated[str, AfterValidator(_allowed)]


class Web(Part):
    """What plans, agents and their functions may ask on the web, and how long they may wait.

    Public addresses may be asked; those inside the house (loopback, private, link-local) only
    where they stand in `allow`.
    """

    allow: Annotated[tuple[Allowed, ...], OneOrMore] = Field(
        default=(),
        description="hosts, host:port or networks that may be asked although they are not public",
    )
    timeout: float = Field(
        default=60.0, gt=0, le=600, description="seconds any request may take at most"
    )
    connect_timeout: float = Field(default=5.0, gt=0, le=60, description="seconds to connect")
    most: int = Field(default=16 << 20, ge=1024, description="bytes any answer may have at most")
    signing_keys: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="by host or host:port: requests there are signed (X-SignalWire-Signature)",
    )
    share_envs: tuple[str, ...] = Field(
        default=(), description="names among `envs` that servers of SWML documents are told"
    )
    user_agent: str = Field(default="sipagent", pattern=r"^[\x20-\x7e]{1,200}$")
