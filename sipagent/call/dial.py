"""Dial: whom a new leg calls, and how; and who makes such legs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from .leg import Leg

#: encryption of media (RFC 3711 with the keys in SDP, RFC 4568)
Srtp = Literal["off", "optional", "required"]
#: how keys are sent: telephone-event (RFC 4733), INFO with application/dtmf-relay or
#: application/dtmf, or tones in the audio
DtmfMode = Literal["auto", "rfc4733", "info", "info-dtmf", "inband"]


@dataclass(frozen=True, slots=True)
class Terms:
    """How a leg's media are made where not as the settings say: at first what a plan asks, at last
    what the trunk or phone it goes to allows.
    """

    #: offered, in order, as SDP names them; none for the usual ones
    codecs: tuple[str, ...] = ()
    encryption: Srtp | None = None
    keys: DtmfMode | None = None


USUAL = Terms()


@dataclass(frozen=True, slots=True)
class Dial:
    """One INVITE that is wanted."""

    #: normalised: `sip:...`, `tel:...`
    target: str
    #: the user part of From, or a whole `"Name" <sip:...>`; None for who we are
    caller_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    #: user and password, for who asks for them
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    terms: Terms = USUAL


class Dialer(Protocol):
    """Makes outbound legs: SIP through the edge."""

    async def dial(self, dial: Dial) -> Leg:
        """Send an INVITE; the leg is CALLING on return.

        Raises LegFailed when no leg could be made at all (503: no room for another one).
        """
        ...
