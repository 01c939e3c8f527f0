"""Is the range of RTP ports wide enough, ours alone, and on an address of this machine?"""

import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

from sipagent.config import Rtp, Settings
from sipagent.doctor.check import Check
from sipagent.doctor.findings import Ailment, Finding, Severity, fine
from sipagent.doctor.patient import Patient

#: RTP and RTCP
_PORTS_OF_A_LEG = 2
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_RESERVED = Path("/proc/sys/net/ipv4/ip_local_reserved_ports")

RANGE_TOO_SMALL = Ailment(
    "rtp-range-too-small",
    Severity.PROBLEM,
    "every leg needs two UDP ports, and there are fewer than limits.calls need",
    "widen rtp.first to rtp.last, in the firewall too, or lower limits.calls",
)
RANGE_TIGHT = Ailment(
    "rtp-range-tight",
    Severity.WARNING,
    "a call that is transferred or consults has two legs or more, with two UDP ports each",
    "widen rtp.first to rtp.last, in the firewall too, or lower limits.calls",
)
EPHEMERAL_OVERLAP = Ailment(
    "rtp-ephemeral-overlap",
    Severity.WARNING,
    "the kernel gives ports of this range to other programs' outgoing sockets",
    "choose ports outside it, or keep them for us: sysctl net.ipv4.ip_local_reserved_ports",
)
SIP_IN_RANGE = Ailment(
    "sip-port-in-rtp-range",
    Severity.WARNING,
    "a port of SIP lies among those of RTP",
    "move one of them",
)
RTP_ADDRESS = Ailment(
    "rtp-no-such-address",
    Severity.PROBLEM,
    "this machine has no interface with that address: no call gets media",
    "set rtp.host to one that `ip address` shows, or to 0.0.0.0",
)


async def _run(patient: Patient) -> Sequence[Finding]:
    rtp = patient.settings.rtp
    found = [*_size(patient.settings), *_overlap(rtp), *_sip(patient.settings), *_hosts(rtp)]
    shown = f"RTP {rtp.host}:{rtp.first}-{rtp.last}, {(rtp.last - rtp.first + 1) // 2} legs"
    return found or [fine(shown, "rtp")]


def _size(settings: Settings) -> Iterator[Finding]:
    have = settings.rtp.last - settings.rtp.first + 1
    one = settings.limits.calls * _PORTS_OF_A_LEG
    if have < 2 * one:
        ailment = RANGE_TOO_SMALL if have < one else RANGE_TIGHT
        what = (
            f"{have} RTP ports for limits.calls {settings.limits.calls}: {one} to {2 * one} needed"
        )
        yield ailment.found(what, key="rtp.last")


def _overlap(rtp: Rtp) -> Iterator[Finding]:
    try:
        first, last = map(int, _EPHEMERAL.read_text().split())
        kept = _RESERVED.read_text().strip()
    except (OSError, ValueError):
        return
    low, high = max(first, rtp.first), min(last, rtp.last)
    if low <= high and not any(_covers(part, low, high) for part in kept.split(",") if part):
        what = f"RTP ports {low}-{high} are among the kernel's own {first}-{last}"
        yield EPHEMERAL_OVERLAP.found(what, key="rtp.first")


def _covers(part: str, low: int, high: int) -> bool:
    first, _, last = part.partition("-")
    return int(first) <= low and high <= int(last or first)


def _sip(settings: Settings) -> Iterator[Finding]:
    for number, at in enumerate(settings.sip.listen):
        if at.transport == "udp" and settings.rtp.first <= at.port <= settings.rtp.last:
            what = f"SIP port {at.port} lies in RTP's {settings.rtp.first}-{settings.rtp.last}"
            yield SIP_IN_RANGE.found(what, key=f"sip.listen[{number}].port")


def _hosts(rtp: Rtp) -> Iterator[Finding]:
    for key, host in (("rtp.host", rtp.host), ("rtp.ipv6_host", rtp.ipv6_host)):
        if host is None:
            continue
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((host, 0))
            except OSError as error:
                yield RTP_ADDRESS.found(f"{key} {host}: {error.strerror or error}", key=key)


CHECK = Check(
    "rtp-ports",
    "range of RTP ports",
    _run,
    (RANGE_TOO_SMALL, RANGE_TIGHT, EPHEMERAL_OVERLAP, SIP_IN_RANGE, RTP_ADDRESS),
)
