"""Timers of the front door, by the RFC's letters; tests hand in shorter ones. All in seconds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timers:
    """RFC 3261 table 4, and the limits of our own waits."""

    t1: float = 0.5
    t2: float = 4.0
    #: 64*T1: how long an answer is asked for (timers B, F, H)
    give_up: float = 32.0
    #: the desk must have chosen a worker
    admit: float = 5.0
    #: a name must have been resolved, a TCP connection opened
    reach: float = 5.0
    #: a finished transaction still recognises retransmissions
    linger: float = 32.0
    #: between two rounds of forgetting
    sweep: float = 5.0
    #: an answer of the name service is believed
    names: float = 60.0
    #: an address that kept silent is tried after others of its name
    avoid: float = 30.0
    #: between looks at the connection a registration hangs on
    watch: float = 5.0
    #: a TCP connection without traffic is kept (RFC 5626 phones say something every 2 minutes)
    idle: float = 900.0
    #: a message that began on TCP must be whole
    whole: float = 30.0


def invite_retransmissions(timers: Timers) -> list[float]:
    """Waits before each retransmission of an INVITE (timer A)."""
    waits = [timers.t1]
    while 2 * sum(waits) + timers.t1 < timers.give_up:
        waits.append(2 * waits[-1])
    return waits


def retransmissions(timers: Timers) -> list[float]:
    """Waits before each retransmission of a non-INVITE request (timer E) or final (timer G)."""
    waits: list[float] = []
    wait = timers.t1
    while sum(waits) + wait < timers.give_up:
        waits.append(wait)
        wait = min(2 * wait, timers.t2)
    return waits
