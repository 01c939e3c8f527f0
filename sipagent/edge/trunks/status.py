"""Status: how a trunk is doing, in a form that can be shown and stored."""

from datetime import UTC, datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Reach(StrEnum):
    """May calls be sent there? UNKNOWN trunks are tried; nobody watches them, or not yet."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


class Standing(StrEnum):
    """Where a registration stands."""

    OFF = "off"
    TRYING = "trying"
    REGISTERED = "registered"
    FAILED = "failed"
    ENDED = "ended"
    #: another node registers for all
    ELSEWHERE = "elsewhere"


class Cause(StrEnum):
    """Why a registration or a keep-alive failed, for people and for what is done next."""

    NO_ANSWER = "no answer"
    NO_NAME = "DNS"
    UNREACHABLE = "unreachable"
    WRONG_PASSWORD = "wrong password"  # noqa: S105 - the name of a failure
    NO_PASSWORD = "password asked for"  # noqa: S105
    FORBIDDEN = "forbidden"
    UNKNOWN_ACCOUNT = "unknown account"
    REFUSED = "refused"
    ELSEWHERE = "another node's turn"


class TrunkStatus(BaseModel):
    """One trunk at one moment."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    host: str
    reach: Reach = Reach.UNKNOWN
    registration: Standing = Standing.OFF
    cause: Cause | None = None
    why: str = Field(
        default="", description="what went wrong last, in words; empty when all is well"
    )
    registrar: str = Field(default="", description="address that holds our registration")
    node: str = Field(default="", description="the node that registers, where it is another one")
    expires: datetime | None = Field(default=None, description="the registration's end, UTC")
    retry: datetime | None = Field(default=None, description="the next attempt after a failure")
    failures: int = Field(default=0, description="registrations that failed in a row")
    calls: int = Field(default=0, description="live calls through it")
    limit: int | None = None


def from_now(seconds: float) -> datetime:
    """The moment that many seconds ahead, to the second."""
    moment = datetime.now(UTC).timestamp() + seconds
    return datetime.fromtimestamp(round(moment), UTC)
