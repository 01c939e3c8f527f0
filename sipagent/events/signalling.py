"""Events of legs: their INVITE sessions, their media, and the SIP messages of the ladder."""

from typing import Literal

from .base import Base, Speaker


class LegChanged(Base):
    """A leg moved to a new INVITE session state."""

    type: Literal["leg_changed"] = "leg_changed"
    leg: str
    role: Speaker = "caller"
    remote: str
    state: str
    status: int = 0
    reason: str = ""
    sip_call_id: str = ""


class LegHeld(Base):
    """A leg's media went on hold by either side's wish (RFC 3264 section 8.4), or came back."""

    type: Literal["leg_held"] = "leg_held"
    leg: str
    role: Speaker = "caller"
    on_hold: bool


class LegMedia(Base):
    """What a leg's audio was like: RTP and RTCP figures from its first to its last packet.

    `lost` and `jitter_ms` are what we saw of the far end's audio, `remote_*` what it reported
    of ours; None where it sent no report.
    """

    type: Literal["leg_media"] = "leg_media"
    leg: str
    role: Speaker = "caller"
    codec: str
    sent: int
    received: int
    lost: int
    jitter_ms: float
    remote_lost: int | None = None
    remote_jitter_ms: float | None = None
    round_trip_ms: float | None = None


class SipMessage(Base):
    """One SIP message seen at the edge: a rung of the ladder. Bodies and credentials stay out."""

    type: Literal["sip_message"] = "sip_message"
    source: str
    destination: str
    start_line: str
    cseq: str = ""
    sip_call_id: str = ""
