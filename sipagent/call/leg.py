"""Leg: one party's half of a call, whatever it is made of."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from sipagent.errors import LegFailed

from .keypad import Key


class LegState(StrEnum):
    """The INVITE session states of RFC 3261, by the names pjsip gives them."""

    CALLING = "calling"
    INCOMING = "incoming"
    EARLY = "early"
    CONFIRMED = "confirmed"
    DISCONNECTED = "disconnected"


NEXT: dict[LegState, frozenset[LegState]] = {
    LegState.CALLING: frozenset({LegState.EARLY, LegState.CONFIRMED, LegState.DISCONNECTED}),
    LegState.INCOMING: frozenset({LegState.EARLY, LegState.CONFIRMED, LegState.DISCONNECTED}),
    LegState.EARLY: frozenset({LegState.EARLY, LegState.CONFIRMED, LegState.DISCONNECTED}),
    LegState.CONFIRMED: frozenset({LegState.DISCONNECTED}),
    LegState.DISCONNECTED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class LegInfo:
    """Who is on this leg. URIs are as on the wire (`sip:alice@example.com`)."""

    id: str
    local: str
    remote: str
    sip_call_id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quality:
    """What a leg's audio was like (RFC 3550 section 6.4). `lost` and `jitter_ms` are of what
    came; `remote_*` is what the far end reported of ours, None where it did not.
    """

    codec: str
    sent: int
    received: int
    lost: int
    jitter_ms: float
    remote_lost: int | None = None
    remote_jitter_ms: float | None = None
    round_trip_ms: float | None = None

    def after(self, before: "Quality | None") -> "Quality":
        """The whole of a leg whose media was negotiated anew: counts add up, the rest is ours."""
        if before is None:
            return self
        remote = self.remote_lost, before.remote_lost
        known = [lost for lost in remote if lost is not None]
        return replace(
            self,
            sent=before.sent + self.sent,
            received=before.received + self.received,
            lost=before.lost + self.lost,
            jitter_ms=max(before.jitter_ms, self.jitter_ms),
            remote_lost=sum(known) if known else None,
        )


@dataclass(frozen=True, slots=True)
class ReferOutcome:
    """How a REFER came out: the last sipfrag status the far end reported (RFC 3515).

    `status` is the REFER's own final status where it was refused outright, and 408 where no
    final NOTIFY came in time. `refused`: the far end did not take the REFER at all, so nobody
    was called.
    """

    status: int
    reason: str
    refused: bool = False

    @property
    def ok(self) -> bool:
        """True when the transfer target answered."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Referral:
    """What a REFER of the far end asks for: a call to `target`, in place of the dialog that
    `replaces` names where it does (RFC 3891); `referred_by` is who says so (RFC 3892).
    """

    target: str
    replaces: str = ""
    referred_by: str = ""


#: stands for 202 between worker and edge: at a 2xx to a REFER the worker's SIP stack would place
#: the call itself, past our dialler and its trunks. The edge writes the 202.
TAKEN = 399
#: on an INVITE from the edge: the Call-ID of the leg whose place it wants, in place of Replaces,
#: which the worker's SIP stack would answer by itself
REPLACES_HEADER = "X-Sipagent-Replaces"

#: says at once, with a final status, what becomes of a REFER; 202 takes it
Judge = Callable[["Leg", Referral], int]


class Leg(Protocol):
    """One party. It can be a member of a bridge; its audio is the bridge's business.

    All methods may raise LegFailed. A leg that ended stays readable (state, status, info).
    """

    @property
    def info(self) -> LegInfo:
        """Who is on this leg."""
        ...

    @property
    def state(self) -> LegState:
        """Where the INVITE session stands."""
        ...

    @property
    def status(self) -> int:
        """The last SIP status sent or received; after the end, why it ended (200 = BYE)."""
        ...

    @property
    def reason(self) -> str:
        """After the end, why: the far end's own Reason (RFC 3326) where it gave one, else the
        phrase of the last status.
        """
        ...

    @property
    def redirects(self) -> tuple[str, ...]:
        """Where a 3xx said that the callee is, best first; nobody was called there."""
        ...

    @property
    def early_media(self) -> bool:
        """True while audio flows that was agreed upon before the answer (183, RFC 3960)."""
        ...

    @property
    def quality(self) -> Quality | None:
        """What its audio was like, known when its media has ended; None where there was none."""
        ...

    @property
    def on_hold(self) -> bool:
        """True while either side has the media on hold."""
        ...

    def on_change(self, listener: Callable[["Leg"], None]) -> None:
        """Have `listener` called on the loop after every change of state or hold."""
        ...

    async def answer(self, status: int = 200) -> None:
        """Answer an incoming leg: 180, 183 or 200. Answering a confirmed leg does nothing."""
        ...

    async def hangup(self, status: int = 603, reason: str = "") -> None:
        """End the leg: BYE, CANCEL, or `status` (>= 300) for an incoming leg not yet answered,
        with `reason` as its Reason header (RFC 3326).
        """
        ...

    async def hold(self) -> None:
        """Put the far end on hold (RFC 3264 section 8.4)."""
        ...

    async def resume(self) -> None:
        """Take the far end back from hold."""
        ...

    async def send_digits(self, digits: str) -> None:
        """Send keys `0-9*#A-D`, `w` = 500 ms and `W` = 1 s of pause, by the way agreed or set."""
        ...

    def digits(self) -> AsyncIterator[Key]:
        """Keys pressed by the far end from now on, one at a time, until the leg ends."""
        ...

    def texts(self) -> AsyncIterator[str]:
        """Texts the far end sends within the call from now on, until the leg ends."""
        ...

    async def refer(self, target: "str | Leg", *, timeout: float = 60.0) -> ReferOutcome:
        """Ask the far end to call `target` (REFER) and wait for the reported outcome. A leg as
        the target: to take the place we have in that one (RFC 5589 section 7).
        """
        ...

    def on_refer(self, judge: Judge) -> None:
        """Have `judge` called for every REFER of the far end; without one all are declined."""
        ...

    async def report(self, status: int, reason: str, *, final: bool = False) -> None:
        """Tell the far end how the call it asked for goes (NOTIFY, RFC 3515 section 2.4.4)."""
        ...

    async def wait(self, *states: LegState) -> LegState:
        """Wait for any of the states; raise LegFailed once none can be reached any more."""
        ...


async def let_go(leg: Leg, reason: str) -> None:
    """Hang up on a leg; one that is gone already is no trouble."""
    with suppress(LegFailed):
        await leg.hangup(reason=reason)
