"""Sizing: from calls a day to lines, machines, bandwidth and disk; arithmetic and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, exp, isfinite, lgamma, log

_YEAR_DAYS = 365
#: frames of 20 ms a second, each way
_PACKETS = 50
#: bytes around each frame: RTP 12, UDP 8, IPv4 20, Ethernet 14 with its check sequence of 4
_AROUND = 12 + 8 + 20 + 18
#: bytes SRTP adds to each packet (RFC 3711, 80-bit tag)
_SRTP = 10
#: payload bytes of 20 ms
CODECS: Mapping[str, int] = {"PCMU": 160, "PCMA": 160, "G722": 160, "opus": 80}
#: of a stereo recording at 8 kHz, 16 bits, bytes a second
_RECORDED = 32_000
#: seconds in which more calls come than the peak says: once in a thousand
_PEAK = 0.999


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked for. `busy_share` of a day's calls come in its busiest hour; `blocking` of
    those may find no line. `legs` a conversation has (2 where people are put through).
    """

    calls_per_day: float
    minutes: float
    busy_share: float = 0.15
    blocking: float = 0.001
    legs: int = 1
    recorded_share: float = 1.0
    codec: str = "PCMU"
    srtp: bool = False
    kept_days: float = _YEAR_DAYS


@dataclass(frozen=True, slots=True)
class Node:
    """One machine. `per_core` conversations hold on a core; it is filled to `fill` of that.
    `mib` is of a conversation, `base_mib` of gateway, zygote and system.
    """

    per_core: float
    cores: int = 8
    fill: float = 0.7
    mib: float = 25.0
    base_mib: float = 1024.0
    #: machines that may be away while the busy hour is still served
    spare: int = 1

    @property
    def conversations(self) -> int:
        """At most, as it is filled. Limits of the server go a little above."""
        return max(1, int(self.per_core * self.cores * self.fill))


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a minute of talk leaves on record: bytes of its bundle without sound and of its rows
    in the database, and events. As measured with calls of half a minute; longer ones leave less.
    """

    bundle_minute: float = 80_000.0
    database_minute: float = 35_000.0
    events_minute: float = 100.0
    #: SIP messages a call passes a proxy with: INVITE, 100, 180, 200, ACK, BYE, 200, on both sides
    sip_messages: float = 14.0


@dataclass(frozen=True, slots=True)
class Sized:
    """The plan. Rates are of the busy hour; disk is of all that is kept, GB are 10^9 bytes."""

    busy_calls: float
    erlangs: float
    lines: int
    calls_per_second: float
    peak_calls_per_second: int
    conversations_per_node: int
    nodes: int
    cores: int
    memory_gib_per_node: float
    #: each way, on the wire, of all nodes together
    megabits: float
    packets_per_second: float
    megabits_per_node: float
    events_per_second: float
    sip_messages_per_second: float
    recordings_gb: float
    bundles_gb: float
    database_gb: float


def size(demand: Demand, node: Node, sizes: Sizes) -> Sized:
    """Reckon it. Raises ValueError where a number makes no sense."""
    _check(demand, node)
    busy = demand.calls_per_day * demand.busy_share
    erlangs = busy * demand.minutes / 60
    lines = lines_for(erlangs, demand.blocking)
    rate = busy / 3600
    each = node.conversations
    nodes = ceil(lines / each) + node.spare
    bits = bits_per_second(demand.codec, srtp=demand.srtp) * demand.legs
    talk_day = demand.calls_per_day * demand.minutes
    kept = talk_day * demand.kept_days
    return Sized(
        busy_calls=busy,
        erlangs=erlangs,
        lines=lines,
        calls_per_second=rate,
        peak_calls_per_second=poisson_quantile(rate, _PEAK),
        conversations_per_node=each,
        nodes=nodes,
        cores=nodes * node.cores,
        memory_gib_per_node=(node.base_mib + each * node.mib) / 1024,
        megabits=lines * bits / 1e6,
        packets_per_second=lines * demand.legs * _PACKETS,
        megabits_per_node=each * bits / 1e6,
        events_per_second=erlangs * sizes.events_minute / 60,
        sip_messages_per_second=rate * sizes.sip_messages,
        recordings_gb=kept * 60 * _RECORDED * demand.recorded_share / 1e9,
        bundles_gb=kept * sizes.bundle_minute / 1e9,
        database_gb=kept * sizes.database_minute / 1e9,
    )


def _check(demand: Demand, node: Node) -> None:
    positive = {
        "calls a day": demand.calls_per_day,
        "minutes": demand.minutes,
        "the busy hour's share": demand.busy_share,
        "blocking": demand.blocking,
        "conversations on a core": node.per_core,
        "fill": node.fill,
    }
    for name, value in positive.items():
        if not (isfinite(value) and value > 0):
            raise ValueError(f"{name}: {value:g}, where more than 0 is needed")
    for name in ("the busy hour's share", "blocking", "fill"):
        if positive[name] > 1:
            raise ValueError(f"{name}: {positive[name]:g}, where at most 1 is possible")
    if demand.codec not in CODECS:
        raise ValueError(f"codec {demand.codec}: none of {', '.join(CODECS)}")


def erlang_b(erlangs: float, lines: int) -> float:
    """The share of calls that find all lines taken (Erlang B, by its recursion)."""
    blocked = 1.0
    for number in range(1, lines + 1):
        blocked = erlangs * blocked / (number + erlangs * blocked)
    return blocked


def lines_for(erlangs: float, blocking: float) -> int:
    """The fewest lines on which at most that share of calls is blocked; at least one."""
    blocked, lines = 1.0, 0
    while blocked > blocking or not lines:
        lines += 1
        blocked = erlangs * blocked / (lines + erlangs * blocked)
    return lines


def poisson_quantile(mean: float, share: float) -> int:
    """In that share of seconds no more than so many calls come, where `mean` do."""
    count, reached = 0, exp(-mean)
    while reached < share:
        count += 1
        reached += exp(count * log(mean) - mean - lgamma(count + 1))
    return count


def bits_per_second(codec: str, *, srtp: bool = False) -> int:
    """Of one leg, each way, as Ethernet carries it."""
    return (CODECS[codec] + _AROUND + (_SRTP if srtp else 0)) * 8 * _PACKETS
