"""Browser calls as everybody outside them sees them: what the doors of this room are given."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from .calls import OutsideError
from .keyring import Client


class UnknownSession(OutsideError):
    """There is no such browser call, or it is somebody else's."""

    status, kind = 404, "unknown-session"


class UnknownRing(OutsideError):
    """It rings no more, or somebody else has answered."""

    status, kind = 410, "rings-no-more"


class UnknownNumber(OutsideError):
    """No plan takes the number."""

    status, kind = 404, "unknown-number"


class NotAnOffer(OutsideError):
    """The SDP is no offer of a call; says why."""

    status, kind = 422, "bad-offer"


class NoAnswer(OutsideError):
    """The worker did not answer in time."""

    status, kind = 504, "no-answer"


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class IceServerView(_Shown):
    """As `RTCPeerConnection` takes it in `iceServers`."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = None


class PhoneSettings(_Shown):
    """What a page has to know before it calls."""

    ice_servers: tuple[IceServerView, ...]
    events: bool = Field(description="whether it is shown every event of its call")
    captions: bool = Field(description="whether it is shown what is said")


@dataclass(frozen=True, slots=True)
class Guest:
    """Who uses a page: their token, and the address they come from."""

    client: Client
    origin: str

    @property
    def by(self) -> str:
        """As they stand on record."""
        return f"web:{self.client.name}"


@dataclass(frozen=True, slots=True)
class Connected:
    """A page's offer was taken: the session it may hang up, its call, and our SDP."""

    session: str
    call_id: str
    answer: str


@dataclass(frozen=True, slots=True)
class Ringing:
    """Word for a page that listens: a ring begins, or ends with a reason."""

    ring: str
    caller: str
    over: bool = False
    reason: str = ""


class Browsers(Protocol):
    """The browser calls of this server."""

    def settings(self, guest: Guest) -> PhoneSettings:
        """What their page has to know."""
        ...

    async def call(self, to: str, offer: str, guest: Guest) -> Connected:
        """Call a number. Raises NotAnOffer, Denied, UnknownNumber, NoRoomNow, NoAnswer."""
        ...

    async def answer(self, ring: str, offer: str, guest: Guest) -> Connected:
        """Answer a ringing. Raises NotAnOffer, UnknownRing, NoRoomNow, NoAnswer."""
        ...

    def decline(self, ring: str, guest: Guest) -> None:
        """This page does not want it. Raises UnknownRing."""
        ...

    def hang_up(self, session: str, guest: Guest) -> str:
        """End a session of theirs; the call it was in. Raises UnknownSession, NoRoomNow."""
        ...

    def listen(self, name: str, guest: Guest) -> AsyncIterator[Ringing | None]:
        """What rings for a name; None as soon as it would. Raises NoRoomNow."""
        ...
