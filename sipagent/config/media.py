"""Settings of what is heard: RTP ports, codecs, encryption."""

from typing import Literal

from pydantic import Field, model_validator

from sipagent.call.dial import DtmfMode, Srtp

from .parts import Codec, Part, Port


class Rtp(Part):
    """Where media is received: UDP ports `first` to `last` on `host`."""

    host: str = "127.0.0.1"
    public_address: str | None = Field(
        default=None,
        description="what SDP says instead; auto: the address of the default route; "
        "stun:host[:port]: the one that server sees",
    )
    ipv6_host: str | None = Field(
        default=None, description="where media of IPv6 peers is received; default: nowhere"
    )
    first: Port = 20_000
    last: Port = 29_999

    @model_validator(mode="after")
    def _ordered(self) -> "Rtp":
        if self.last - self.first < 20:
            raise ValueError("the RTP range must hold at least 20 ports")
        return self


class Media(Part):
    """Inside a call."""

    clock_rate: Literal[8000, 16000] = 8000
    codecs: tuple[Codec, ...] = ("PCMU", "PCMA", "G722")
    priority: Literal["auto", "normal"] = Field(
        default="auto",
        description="auto: threads that move sound come before those that think, where the system "
        "allows it (RLIMIT_NICE, CAP_SYS_NICE)",
    )
    srtp: Srtp = Field(
        default="optional", description="optional takes and offers both; required refuses plain RTP"
    )
    dtmf: DtmfMode = Field(
        default="auto",
        description="how keys are sent; auto: rfc4733 where agreed, else as the far end does, "
        "else inband, which auto and inband also listen for",
    )
