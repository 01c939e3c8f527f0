"""Settings of the guard: what the open internet may ask of us, and what calling out may cost."""

from collections.abc import Mapping

from pydantic import Field

from sipagent.call.toll import Toll

from .parts import Network, Part

#: what known scanners call themselves in User-Agent, From or To
SCANNERS = (
    "friendly-scanner", "friendly-request", "sipvicious", "sip-vicious", "sipcli", "sip-scan",
    "sipscan", "sundayddr", "vaxsipuseragent", "siparmyknife", "pplsip", "sivus", "zgrab",
    "masscan", "mr.sip", "sippts",
)  # fmt: skip


class Bans(Part):
    """How long, and for how much within a minute; 0 never bans for that."""

    seconds: int = Field(default=3600, ge=1, description="a source that comes back gets twice that")
    failed_logins: int = Field(default=8, ge=0, description="wrong passwords")
    extensions: int = Field(default=30, ge=0, description="names asked for and not proven")
    refusals: int = Field(default=100, ge=0, description="401, 403, 404 and the like")
    flood: int = Field(default=500, ge=0, description="messages beyond the rates")
    scanners: tuple[str, ...] = Field(
        default=SCANNERS, description="banned at once for these words in User-Agent, From or To"
    )


class Connections(Part):
    """TCP, TLS and WebSocket connections of strangers; trunks and guests are not counted."""

    in_all: int = Field(default=1000, ge=1)
    of_one: int = Field(default=20, ge=1, description="from one source")
    hello_seconds: float = Field(
        default=20.0, gt=0, description="until the first whole message, or it is closed"
    )


class Guard(Part):
    """The front door towards strangers. A source is an IPv4 address or an IPv6 /64.

    Never limited nor banned: `allow`, `sip.guests` and the trunks' `addresses`. Whoever proved a
    password or was called by us within the hour has ten times the rates and is not banned for
    what anybody could send in its name.
    """

    enabled: bool = True
    allow: tuple[Network, ...] = Field(
        default=(), description="networks that are never limited nor banned; not let in by it"
    )
    messages_per_second: float = Field(
        default=50.0, gt=0, description="of one source, three seconds' worth at once"
    )
    methods_per_second: Mapping[str, float] = Field(
        default={"INVITE": 10, "REGISTER": 20, "OPTIONS": 5, "MESSAGE": 5, "SUBSCRIBE": 5},
        description="of one source, by request method",
    )
    strangers_per_second: float = Field(
        default=300.0, gt=0, description="messages of all strangers together"
    )
    answer_options: bool = Field(
        default=False, description="answer OPTIONS of strangers; else they hear nothing"
    )
    nonce_seconds: float = Field(default=300.0, gt=0, description="a digest challenge holds")
    connections: Connections = Connections()
    bans: Bans = Bans()
    toll: Toll = Toll()
