"""Settings: one sipagent.yaml, read once at start; every key has a default that works."""

from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from sipagent.agent.prices import Prices
from sipagent.call.policy import Policy
from sipagent.call.privacy import Privacy
from sipagent.call.toll import TollPolicy

from .api import Api
from .audit import AuditChain
from .cluster import Cluster
from .encryption import Encryption
from .guard import Guard
from .hep import Hep
from .logs import Log
from .mcp import McpServers
from .media import Media, Rtp
from .meeting import Parking, Queue
from .messages import Messages
from .parts import Extension, OneOrMore, Part
from .phone import Phone, Registrar
from .relay import Relay
from .retention import Retention
from .sip import Sip
from .speech import SpeechCache
from .swml import Swml
from .tracing import Tracing
from .trunk import Trunk
from .upload import Upload
from .web import Web
from .webhooks import Webhook
from .webrtc import Webrtc


class Provider(Prices):
    """Ears, mind or mouth: which kind, what it costs, and that kind's own keys (checked by the
    kind).
    """

    model_config = ConfigDict(frozen=True, extra="allow")
    kind: str

    @property
    def prices(self) -> Prices:
        """What it costs, alone."""
        return Prices(**{name: getattr(self, name) for name in Prices.model_fields})


class Limits(Part):
    """What bounds this server."""

    calls: int = Field(default=100, ge=1, description="worker processes at once; above: 503")
    warm: int = Field(default=8, ge=0, description="idle workers kept ready")
    calls_per_second: float = Field(default=100.0, gt=0, description="new calls; above: 503")
    call_seconds: int = Field(default=14_400, ge=1, description="longest call")
    claim_seconds: float = Field(default=2.0, gt=0, description="a worker must answer its INVITE")
    drain_seconds: float = Field(default=30.0, ge=0, description="patience on SIGTERM")
    orphan_seconds: float = Field(
        default=60.0, gt=0, description="a call whose server was killed goes on this long without"
    )


class Store(Part):
    """Where records go."""

    database: str = "sqlite+aiosqlite:///sipagent.sqlite3"
    bundles: Path = Path("calls")
    model_requests: bool = Field(
        default=True, description="keep what models were asked and answered, in models.jsonl"
    )
    encryption: Encryption | None = Field(
        default=None, description="seals the files of bundles; absent: they lie plain"
    )
    upload: Upload | None = Field(
        default=None, description="object storage that bundles go to; absent: they stay here"
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
    queues: dict[str, Queue] = Field(default_factory=dict)
    parking: Parking = Parking()
    messages: Messages = Messages()
    guard: Guard = Guard()
    api: Api | None = Field(default=None, description="the HTTP door; absent: closed")
    relay: Relay | None = Field(default=None, description="the RELAY door; absent: closed")
    webrtc: Webrtc | None = Field(
        default=None, description="browser phones, by the HTTP door; absent: none"
    )
    cluster: Cluster | None = Field(
        default=None, description="other nodes beside this server; absent: it is alone"
    )
    providers: dict[str, Provider] = Field(default_factory=dict)
    mcp_servers: McpServers = Field(
        default_factory=dict, description="tools of others, for agents that name them"
    )
    speech_cache: SpeechCache = SpeechCache()
    swml: Swml = Swml()
    web: Web = Web()
    webhooks: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")], Webhook] = Field(
        default_factory=dict, description="who is told of calls by HTTP, by name"
    )
    limits: Limits = Limits()
    policy: Policy | None = Field(
        default=None, description="bounds every plan; absent: plans alone decide"
    )
    privacy: Privacy | None = Field(
        default=None, description="holds for every plan beside its own; absent: plans alone decide"
    )
    store: Store = Store()
    retention: Retention = Field(
        default=Retention(), description="how long what is known of calls is kept; absent: for ever"
    )
    audit: AuditChain = AuditChain()
    state: Path | None = Field(
        default=None,
        description="folder of what a restarted server must know again, on a local disk; "
        "default: .state beside the records",
    )
    log: Log = Log()
    tracing: Tracing | None = Field(
        default=None, description="a trace of every call, by OTLP; absent: as OTEL_* variables say"
    )
    hep: Hep | None = Field(default=None, description="SIP to Homer; absent: nobody is told")
    dialplans: Annotated[tuple[Path, ...], OneOrMore] = (Path("dialplans"),)
    tools: Annotated[tuple[Path, ...], OneOrMore] = (Path("tools"),)
    time_zone: str = "UTC"
    envs: dict[str, str] = Field(
        default_factory=dict, description="what plans see as ${envs.NAME}; nothing else leaks"
    )

    @property
    def node(self) -> str:
        """Who this server is among those that share its database; empty where it is alone."""
        return self.cluster.node if self.cluster is not None else ""

    @property
    def toll_policy(self) -> TollPolicy:
        """`guard.toll` as a policy that bounds every call."""
        plans = tuple(t.numbers for t in self.trunks.values() if t.numbers is not None)
        hosts = frozenset(
            f"[{t.host.lower()}]" if ":" in t.host else t.host.lower() for t in self.trunks.values()
        )
        return TollPolicy(toll=self.guard.toll, plans=plans, hosts=hosts)

    @property
    def policies(self) -> tuple[Policy, ...]:
        """What bounds every plan, beside the plan's own policy."""
        return (self.toll_policy, *([self.policy] if self.policy else []))

    @property
    def api_policies(self) -> tuple[Policy, ...]:
        """What bounds whoever acts on a call from outside, beside `policies`."""
        return (self.api.policy,) if self.api is not None and self.api.policy is not None else ()

    @property
    def state_folder(self) -> Path:
        """Where `state` leads."""
        return self.state or self.store.bundles / ".state"

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
