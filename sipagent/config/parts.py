"""What settings are made of: strict parts, hosts, hops and networks as they are written."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

Port = Annotated[int, Field(ge=0, le=65535)]
Codec = Literal["PCMU", "PCMA", "G722"]
Network = IPv4Network | IPv6Network
#: the name of a phone: the user part of its address
Extension = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+-]{1,64}$")]


class Part(BaseModel):
    """A piece of the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def listed(value: Any) -> Any:
    """One value as a list of one."""
    return [value] if isinstance(value, str) else value


def switched(value: Any) -> Any:
    """`true` is all defaults, `false` is absence."""
    if isinstance(value, bool):
        return {} if value else None
    return value


_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
_HOP = re.compile(
    r"(?:sips?:)?(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?(?:;transport=[a-z]+)?"
)


def _hop(text: str) -> str:
    """`host[:port][;transport=tcp]` as a SIP URI."""
    port = text.partition(";")[0].rpartition(":")[2]
    if not _HOP.fullmatch(text) or (port.isdigit() and not 0 < int(port) < 65_536):
        raise ValueError(f"{text!r} is not host[:port][;transport=tcp]")
    return text if text.startswith(("sip:", "sips:")) else f"sip:{text}"


def _host(text: str) -> str:
    """A name or an address, without brackets."""
    bare = text.strip("[]")
    if not _HOST.fullmatch(bare):
        raise ValueError(f"{text!r} is neither a host name nor an address")
    return bare


def _name_server(text: str) -> str:
    """`address`, `address:port` or `[address]:port`."""
    host, colon, port = text.rpartition(":")
    with_port = colon and port.isdigit() and (host.startswith("[") or ":" not in host)
    ip_address((host if with_port else text).strip("[]"))
    return text


#: a next hop, kept as a SIP URI
Hop = Annotated[str, AfterValidator(_hop)]
Host = Annotated[str, AfterValidator(_host)]
NameServer = Annotated[str, AfterValidator(_name_server)]
#: takes one value for a list of one
OneOrMore = BeforeValidator(listed)
