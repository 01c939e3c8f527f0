"""Settings of HEP: where copies of our SIP messages go, for Homer and what else reads HEP."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from .parts import Part

_TRANSPORTS = ("udp", "tcp", "tls")


def _server(text: str) -> str:
    """`udp://host:port`, `tcp://` or `tls://`."""
    transport, sign, place = text.partition("://")
    host, colon, port = place.rpartition(":")
    known = transport in _TRANSPORTS and bool(sign and colon and host)
    if not known or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ValueError(f"{text!r} is not udp://host:port, tcp://host:port or tls://host:port")
    return text


class Hep(Part):
    """Copies of every SIP message between the world and us, as HEPv3 (EEP)."""

    server: Annotated[str, AfterValidator(_server)] = Field(
        description="of Homer or another capture server: udp://, tcp:// or tls://host:port"
    )
    id: int = Field(default=2001, ge=0, lt=1 << 32, description="the capture agent's number")
    password: SecretStr | None = Field(default=None, description="the capture server's, if any")
    authorities: Path | None = Field(
        default=None, description="CAs to believe, for tls://; default: those of the system"
    )
    rtcp: bool = Field(default=True, description="how each leg's audio was, when it ends")
    credentials: bool = Field(
        default=False, description="send digests and keys of SRTP as they were on the wire"
    )
    personal: bool = Field(
        default=False, description="send texts (MESSAGE) and keys (INFO) as they were on the wire"
    )

    @property
    def transport(self) -> str:
        """udp, tcp or tls."""
        return self.server.partition("://")[0]

    @property
    def place(self) -> tuple[str, int]:
        """Host, without brackets, and port."""
        host, _, port = self.server.partition("://")[2].rpartition(":")
        return host.strip("[]"), int(port)


def anchored(hep: Hep | None, folder: Path) -> Hep | None:
    """With its file relative to a folder."""
    if hep is None or hep.authorities is None:
        return hep
    return hep.model_copy(update={"authorities": (folder / hep.authorities).absolute()})
