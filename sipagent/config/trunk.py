"""Settings of trunks: carriers and PBXs we are known at, called by, and call through."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from sipagent.call.dial import DtmfMode, Srtp
from sipagent.call.numbers import NumberPlan

from .parts import Codec, Hop, Host, Network, OneOrMore, Part, Port, switched


class Registration(Part):
    """REGISTER upstream: where, for how long, and how patiently."""

    registrars: Annotated[tuple[Hop, ...], OneOrMore] = Field(
        default=(), description="tried in this order; default: the trunk's host"
    )
    expires: int = Field(default=3600, ge=10, le=86_400, description="seconds asked for")
    retry_seconds: float = Field(
        default=30.0, gt=0, description="wait after a first failure; it doubles up to half an hour"
    )


class Trunk(Part):
    """A carrier or PBX: calls from its addresses come in, calls to numbers go out through it."""

    host: Host = Field(description="domain or address; a domain is looked up as RFC 3263 says")
    port: Port | None = Field(
        default=None, description="default: what DNS says, else 5060, or 5061 for tls"
    )
    transport: Literal["udp", "tcp", "tls"] | None = Field(
        default=None, description="default: what DNS says, else udp"
    )
    outbound_proxy: Hop | None = Field(
        default=None, description="host[:port][;transport=tcp] that everything goes through"
    )
    srtp: Srtp | None = Field(default=None, description="default: media.srtp")
    codecs: tuple[Codec, ...] = Field(
        default=(), description="what its calls speak, best first; default: media.codecs"
    )
    dtmf: DtmfMode | None = Field(default=None, description="default: media.dtmf")
    addresses: tuple[Network, ...] = Field(
        default=(), description="sources whose INVITEs are this trunk's"
    )
    username: str | None = None
    auth_username: str | None = Field(
        default=None, description="name in digest credentials, where it is not `username`"
    )
    password: SecretStr | None = None
    registration: Annotated[Registration | None, BeforeValidator(switched)] = Field(
        default=None, description="make ourselves known there (REGISTER): true, or its keys"
    )
    caller_id: str | None = Field(default=None, description="user part of From on outbound calls")
    caller_ids: tuple[str, ...] = Field(
        default=(), description="patterns of numbers a plan may show instead; empty: any"
    )
    from_domain: Host | None = Field(
        default=None, description="host part of From; default: `host` when we register, else ours"
    )
    assert_identity: bool = Field(
        default=False, description="send P-Asserted-Identity with the caller's number (RFC 3325)"
    )
    hide_caller: bool = Field(
        default=False, description="anonymous From and Privacy: id (RFC 3323)"
    )
    trust_identity: bool = Field(
        default=False, description="believe P-Asserted-Identity of its calls"
    )
    pass_headers: tuple[str, ...] = Field(
        default=(), description="of the caller's INVITE, sent on: Diversion, History-Info"
    )
    numbers: NumberPlan | None = None
    prefixes: tuple[str, ...] = Field(
        default=(), description="numbers it takes, by their start; empty takes all"
    )
    calls: int | None = Field(default=None, ge=1, description="at once; above: 503")
    calls_per_second: float | None = Field(default=None, gt=0, description="above: 503")
    options_seconds: float = Field(
        default=0.0, ge=0, description="between OPTIONS that tell if it is up; 0: never asked"
    )
    answer_seconds: float = Field(
        default=5.0, gt=0, description="without any answer: the next address, or the next trunk"
    )

    @model_validator(mode="after")
    def _named(self) -> "Trunk":
        if self.registration is not None and not self.username:
            raise ValueError("a trunk that registers needs a username")
        return self
