"""Settings: one sipagent.yaml, read once at start; every key has a default that works."""

import os
import re
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from .call.numbers import NumberPlan
from .call.policy import Policy
from .errors import ConfigError, Finding
from .sources import KeyPath, Source, parse, read
from .transports import Certificate, Listener, Port, Srtp, Tls, anchored
from .transports import Part as _Part

#: the settings of sockets have a module of their own and are found here like all others
__all__ = [
    "Certificate",
    "Hop",
    "Host",
    "Limits",
    "Listener",
    "Log",
    "Media",
    "Network",
    "Phone",
    "Port",
    "Provider",
    "Registrar",
    "Registration",
    "Rtp",
    "Settings",
    "Sip",
    "Srtp",
    "Store",
    "Tls",
    "Trunk",
    "load",
]

_ENV = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
Network = IPv4Network | IPv6Network
#: the name of a phone: the user part of its address
Extension = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+-]{1,64}$")]


def _list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _on(value: Any) -> Any:
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


class Sip(_Part):
    """The front door."""

    listen: tuple[Listener, ...] = (Listener(), Listener(transport="tcp"))
    public_address: str | None = Field(
        default=None,
        description="host[:port] peers reach us at, or auto: the address of the default route; "
        "default: the first listener",
    )
    tls: Tls = Tls()
    guests: tuple[Network, ...] = Field(
        default=(IPv4Network("127.0.0.0/8"),),
        description="networks whose callers need no credentials",
    )
    nameservers: Annotated[
        tuple[Annotated[str, AfterValidator(_name_server)], ...], BeforeValidator(_list)
    ] = Field(default=(), description="address[:port] of DNS servers; default: the system's")
    internal_address: str | None = Field(
        default=None, description="loopback host:port of the edge towards workers; set at start"
    )
    realm: str = "sipagent"
    max_message: int = Field(default=16_384, ge=1024, le=65_535, description="bytes; above: 513")

    @model_validator(mode="after")
    def _certified(self) -> "Sip":
        secure = any(listener.transport in ("tls", "wss") for listener in self.listen)
        if secure and not self.tls.certificates:
            raise ValueError("a tls or wss listener needs tls.certificates")
        return self


class Rtp(_Part):
    """Where media is received: UDP ports `first` to `last` on `host`."""

    host: str = "127.0.0.1"
    public_address: str | None = Field(
        default=None, description="what SDP says instead, or auto: the address of the default route"
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


class Media(_Part):
    """Inside a call."""

    clock_rate: Literal[8000, 16000] = 8000
    codecs: tuple[Literal["PCMU", "PCMA", "G722"], ...] = ("PCMU", "PCMA", "G722")
    srtp: Srtp = Field(
        default="optional", description="optional takes and offers both; required refuses plain RTP"
    )


class Registration(_Part):
    """REGISTER upstream: where, for how long, and how patiently."""

    registrars: Annotated[tuple[Hop, ...], BeforeValidator(_list)] = Field(
        default=(), description="tried in this order; default: the trunk's host"
    )
    expires: int = Field(default=3600, ge=10, le=86_400, description="seconds asked for")
    retry_seconds: float = Field(
        default=30.0, gt=0, description="wait after a first failure; it doubles up to half an hour"
    )


class Trunk(_Part):
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
    addresses: tuple[Network, ...] = Field(
        default=(), description="sources whose INVITEs are this trunk's"
    )
    username: str | None = None
    auth_username: str | None = Field(
        default=None, description="name in digest credentials, where it is not `username`"
    )
    password: SecretStr | None = None
    registration: Annotated[Registration | None, BeforeValidator(_on)] = Field(
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


class Phone(_Part):
    """A softphone of ours: it proves itself by digest, may then call the dialplan, and can be
    called. Its name under `phones` is its extension.
    """

    password: SecretStr
    display_name: str = ""


class Registrar(_Part):
    """Where our phones can be reached: what they may register, and whom they may call."""

    min_expires: int = Field(default=60, ge=1, description="seconds; a shorter wish gets 423")
    max_expires: int = Field(default=3600, ge=1, description="seconds; a longer wish gets this")
    contacts: int = Field(
        default=5, ge=1, le=20, description="places one extension rings at; above: oldest goes"
    )
    internal_calls: bool = Field(
        default=False,
        description="phones reach each other by extension where no dialplan takes the number",
    )

    @model_validator(mode="after")
    def _ordered(self) -> "Registrar":
        if self.min_expires > self.max_expires:
            raise ValueError("min_expires must not be more than max_expires")
        return self


class Provider(BaseModel):
    """Ears, mind or mouth: which kind, and that kind's own keys (checked by the kind)."""

    model_config = ConfigDict(frozen=True, extra="allow")
    kind: str


class Limits(_Part):
    """What bounds this server."""

    calls: int = Field(default=100, ge=1, description="worker processes at once; above: 503")
    warm: int = Field(default=8, ge=0, description="idle workers kept ready")
    calls_per_second: float = Field(default=100.0, gt=0, description="new calls; above: 503")
    call_seconds: int = Field(default=14_400, ge=1, description="longest call")
    claim_seconds: float = Field(default=2.0, gt=0, description="a worker must answer its INVITE")
    drain_seconds: float = Field(default=30.0, ge=0, description="patience on SIGTERM")


class Store(_Part):
    """Where records go."""

    database: str = "sqlite+aiosqlite:///sipagent.sqlite3"
    bundles: Path = Path("calls")


class Log(_Part):
    """How the server talks about itself."""

    format: Literal["auto", "json", "console"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"
    personal: bool = Field(
        default=False, description="log digits, transcripts and tool arguments too"
    )


class Settings(BaseSettings):
    """Everything in sipagent.yaml."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="SIPAGENT_", env_nested_delimiter="__"
    )
    sip: Sip = Sip()
    rtp: Rtp = Rtp()
    media: Media = Media()
    trunks: dict[str, Trunk] = Field(default_factory=dict)
    phones: dict[Extension, Phone] = Field(default_factory=dict)
    registrar: Registrar = Registrar()
    providers: dict[str, Provider] = Field(default_factory=dict)
    limits: Limits = Limits()
    policy: Policy | None = Field(
        default=None, description="bounds every plan; absent: plans alone decide"
    )
    store: Store = Store()
    log: Log = Log()
    dialplans: Annotated[tuple[Path, ...], BeforeValidator(_list)] = (Path("dialplans"),)
    tools: Annotated[tuple[Path, ...], BeforeValidator(_list)] = (Path("tools"),)
    time_zone: str = "UTC"
    envs: dict[str, str] = Field(
        default_factory=dict, description="what plans see as ${envs.NAME}; nothing else leaks"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment (`SIPAGENT_LIMITS__CALLS=20`) wins over the file."""
        return env_settings, init_settings


def load(path: Path | None) -> Settings:
    """Read a settings file, or take the defaults when `path` is None. Raises ConfigError.

    Relative paths inside are relative to the file.
    """
    source = parse("{}", "defaults") if path is None else read(path)
    data = source.data if source.data is not None else {}
    if not isinstance(data, dict):
        raise ConfigError([source.finding((), "expected a mapping of settings")])
    findings: list[Finding] = []
    data = _filled(data, source, (), findings)
    if findings:
        raise ConfigError(findings)
    try:
        settings = Settings(**data)
    except ValidationError as error:
        raise ConfigError(source.findings(error, Settings)) from error
    return settings if path is None else _anchored(settings, path.parent)


def _filled(node: Any, source: Source, path: KeyPath, findings: list[Finding]) -> Any:
    """Replace `${env:NAME}` in every string; a missing variable is a finding."""
    if isinstance(node, dict):
        return {k: _filled(v, source, (*path, k), findings) for k, v in node.items()}
    if isinstance(node, list):
        return [_filled(v, source, (*path, i), findings) for i, v in enumerate(node)]
    if not isinstance(node, str):
        return node

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if found is None:
            findings.append(source.finding(path, f"environment variable {match[1]} is not set"))
        return found or ""

    return _ENV.sub(value, node)


def _anchored(settings: Settings, folder: Path) -> Settings:
    prefix = "sqlite+aiosqlite:///"
    database = settings.store.database
    if database.startswith(prefix) and not database.startswith(prefix + "/"):
        database = prefix + str((folder / database.removeprefix(prefix)).absolute())
    store = settings.store.model_copy(
        update={"database": database, "bundles": (folder / settings.store.bundles).absolute()}
    )
    return settings.model_copy(
        update={
            "sip": settings.sip.model_copy(update={"tls": anchored(settings.sip.tls, folder)}),
            "store": store,
            "dialplans": tuple((folder / p).absolute() for p in settings.dialplans),
            "tools": tuple((folder / p).absolute() for p in settings.tools),
        }
    )
