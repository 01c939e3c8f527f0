"""Settings of the front door's sockets: where they listen, and who we are on TLS."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Port = Annotated[int, Field(ge=0, le=65535)]
#: encryption of media (RFC 3711 with the keys in SDP, RFC 4568)
Srtp = Literal["off", "optional", "required"]
_USUAL_PORTS = {"tls": 5061, "ws": 80, "wss": 443}


def _usual_port(known: dict[str, Any]) -> int:
    return _USUAL_PORTS.get(known.get("transport", ""), 5060)


class Part(BaseModel):
    """A piece of the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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
