"""Settings of the front door: where it listens, who it is on TLS, whom it lets in."""

from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from .parts import NameServer, Network, OneOrMore, Part, Port

_USUAL_PORTS = {"tls": 5061, "ws": 80, "wss": 443}


def _usual_port(known: dict[str, Any]) -> int:
    return _USUAL_PORTS.get(known.get("transport", ""), 5060)


class Listener(Part):
    """One public SIP socket; port 0 takes any free one. `tls` and `wss` need `sip.tls`."""

    transport: Literal["udp", "tcp", "tls", "ws", "wss"] = "udp"
    host: str = "127.0.0.1"
    port: Port = Field(default_factory=_usual_port)
    origins: tuple[str, ...] = Field(
        default=(), description="web pages that may connect by ws and wss; empty: any"
    )


class Certificate(Part):
    """A certificate with its chain, and its key, as PEM files; read again on SIGHUP."""

    certificate: Path
    key: Path
    names: tuple[str, ...] = Field(
        default=(), description="hosts it is for (SNI), *.example.com too; the first serves all"
    )


class Tls(Part):
    """Who we are on TLS, and whom we believe. TLS 1.2 is the least."""

    certificates: tuple[Certificate, ...] = ()
    authorities: Path | None = Field(
        default=None, description="PEM file of CAs to believe; default: those of the system"
    )
    clients: Literal["off", "optional", "required"] = Field(
        default="off", description="certificates of peers that connect to us"
    )


def anchored(tls: Tls, folder: Path) -> Tls:
    """The same with relative paths under `folder`."""
    certificates = tuple(
        known.model_copy(
            update={
                "certificate": (folder / known.certificate).absolute(),
                "key": (folder / known.key).absolute(),
            }
        )
        for known in tls.certificates
    )
    authorities = tls.authorities and (folder / tls.authorities).absolute()
    return tls.model_copy(update={"certificates": certificates, "authorities": authorities})


class Sip(Part):
    """The front door."""

    listen: tuple[Listener, ...] = (Listener(), Listener(transport="tcp"))
    public_address: str | None = Field(
        default=None,
        description="host[:port] peers reach us at; auto: the address of the default route; "
        "stun:host[:port]: the one that server sees; default: the first listener",
    )
    stun_seconds: float = Field(
        default=60.0, gt=0, description="between questions to STUN servers, rtp's too"
    )
    tls: Tls = Tls()
    guests: tuple[Network, ...] = Field(
        default=(IPv4Network("127.0.0.0/8"),),
        description="networks whose callers need no credentials",
    )
    nameservers: Annotated[tuple[NameServer, ...], OneOrMore] = Field(
        default=(), description="address[:port] of DNS servers; default: the system's"
    )
    realm: str = "sipagent"
    session_expires: int = Field(
        default=1800,
        ge=90,
        description="seconds after which a call nobody refreshed is over (RFC 4028)",
    )
    session_min: int = Field(default=90, ge=90, description="the least a peer may ask for (Min-SE)")
    max_message: int = Field(default=16_384, ge=1024, le=65_535, description="bytes; above: 513")

    @model_validator(mode="after")
    def _certified(self) -> "Sip":
        if self.session_min > self.session_expires:
            raise ValueError("session_min is more than session_expires")
        secure = any(listener.transport in ("tls", "wss") for listener in self.listen)
        if secure and not self.tls.certificates:
            raise ValueError("a tls or wss listener needs tls.certificates")
        return self
