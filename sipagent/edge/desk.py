"""Desk: whom the front door asks, and what it is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class NewCall:
    """An INVITE that passed the guard and starts a dialog, in plain words."""

    sip_call_id: str
    caller: str
    callee: str
    number: str
    source: Address
    transport: str
    account: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewText:
    """A text message outside any call (RFC 3428), in plain words."""

    caller: str
    callee: str
    number: str
    text: str
    source: Address
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """The worker that takes the call: its token and its SIP socket on loopback."""

    token: str
    address: Address


@dataclass(frozen=True, slots=True)
class Leaving:
    """An INVITE of the worker `token` that would begin a call by `trunk`. `target` is the number
    as `tel:` URI, in E.164 where the trunk's number plan tells.
    """

    token: str
    trunk: str
    target: str
    sip_call_id: str


class Refused(Exception):
    """No: the final status the caller gets (RFC 3261 section 21)."""

    def __init__(self, status: int, reason: str, retry_after: int | None = None) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Rung:
    """One SIP message for the ladder of a call. Never a body, never credentials."""

    sip_call_id: str
    source: str
    destination: str
    start_line: str
    cseq: str


class Desk(Protocol):
    """The rest of the gateway as the edge sees it."""

    async def admit(self, call: NewCall) -> Admitted:
        """Choose plan and worker within a few milliseconds.

        Raises Refused (404, 503 ...); with 401 the edge asks the caller for credentials.
        """
        ...

    def closed(self) -> Refused | None:
        """What every caller would hear now, whoever it is: there is no room, or this server is
        going up, down, or empty. None while calls are taken.
        """
        ...

    async def text(self, text: NewText) -> int:
        """Take a text message: 200 where it reached a call, 202 where it was noted.

        Raises Refused (404 ...).
        """
        ...

    def expects(self, number: str) -> bool:
        """Was this number given to one caller alone, who needs no other proof?"""
        ...

    def leaves(self, call: Leaving) -> None:
        """May it? Raises Refused; what is not refused is counted."""
        ...

    def abandoned(self, token: str) -> None:
        """The INVITE given to this worker was cancelled, could not be delivered or was refused,
        by its SIP stack perhaps, of which the worker itself never hears.
        """
        ...

    def saw(self, rung: Rung) -> None:
        """A SIP message passed the edge between the world and a worker."""
        ...
