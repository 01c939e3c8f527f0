"""Can a trunk reach the addresses we put into Contact and SDP?"""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sipagent.config import Settings
from sipagent.doctor.check import Check
from sipagent.doctor.findings import Ailment, Finding, Severity, fine
from sipagent.doctor.outpost import public_host
from sipagent.doctor.patient import Patient
from sipagent.edge.headers import Bad
from sipagent.edge.names import is_address
from sipagent.edge.routing import route_address
from sipagent.edge.stun import StunFailed, public_address, read_server
from sipagent.legs.diagnosis import is_loopback, is_private

PRIVATE_ADDRESS = Ailment(
    "private-address",
    Severity.PROBLEM,
    "we say that we are at a private address, which a trunk on the internet cannot send to: no "
    "audio from there (SDP), or no BYE (Contact)",
    "set public_address to the address the router has, or to stun:host, and forward the ports",
)
LOOPBACK_ADDRESS = Ailment(
    "loopback-address",
    Severity.PROBLEM,
    "we say that we are at a loopback address, where the trunk finds only itself",
    "set the host to this machine's address, or to 0.0.0.0",
)
SEEN_ELSEWHERE = Ailment(
    "seen-elsewhere",
    Severity.PROBLEM,
    "the trunk sees us at another public address than we say: a router between translates (NAT)",
    "set sip.public_address and rtp.public_address to what it sees, or to stun:host, and forward "
    "the ports",
)
SIP_ALG = Ailment(
    "sip-alg",
    Severity.WARNING,
    "a router on the way rewrites SIP (an ALG): it breaks what it does not understand",
    "turn SIP ALG off in the router; or use transport: tls, which it cannot read",
)
NO_ROUTE = Ailment(
    "no-route",
    Severity.PROBLEM,
    "this machine has no way to the trunk's network, or not from the address it listens at",
    "look at `ip route get`, and at the host that is set",
)
NO_IPV6_MEDIA = Ailment(
    "no-ipv6-media",
    Severity.PROBLEM,
    "the trunk is reached by IPv6, and media has no IPv6 address here",
    "set rtp.ipv6_host, or name the trunk by an IPv4 address",
)
STUN_FAILED = Ailment(
    "stun-failed",
    Severity.PROBLEM,
    "the STUN server gives no address: the server does not start",
    "set another STUN server, or the address itself",
)
BEHIND_NAT = Ailment(
    "behind-nat",
    Severity.NOTE,
    "the address we say is a router's or another machine's, not of an interface here",
    "see that it forwards the SIP ports and all of rtp.first to rtp.last to this machine",
)
LOOPBACK_ONLY = Ailment(
    "loopback-only",
    Severity.NOTE,
    "the server listens on loopback: only phones on this machine reach it",
    "set sip.listen and rtp.host to this machine's address to go further",
)


@dataclass(frozen=True, slots=True)
class Said:
    """An address we tell peers, and the setting that says so."""

    host: str
    what: str
    key: str


async def _run(patient: Patient) -> Sequence[Finding]:
    settings = patient.settings
    contact, sdp = await asyncio.gather(_contact(settings), _sdp(settings))
    found = [finding for finding in (contact, sdp) if isinstance(finding, Finding)]
    said = [place for place in (contact, sdp) if isinstance(place, Said)]
    for name, host in (await _trunks(patient)).items():
        found += _towards(name, host, said)
        found += _routed(name, host, settings)
        if ":" in host and settings.rtp.ipv6_host is None and ":" not in settings.rtp.host:
            found.append(NO_IPV6_MEDIA.found(f"trunk {name} is at {host}", key="rtp.ipv6_host"))
        found += await _seen(patient, name, said)
    found += _outside(said)
    if not settings.trunks and all(is_loopback(place.host) for place in said):
        found.append(LOOPBACK_ONLY.found("SIP and RTP are on loopback", key="sip.listen"))
    return found or [fine("; ".join(f"{place.what} says {place.host}" for place in said))]


async def _contact(settings: Settings) -> Said | Finding:
    listened = settings.sip.listen[0].host
    told = settings.sip.public_address
    place = await _place(told, listened, "sip.public_address")
    if isinstance(place, Finding):
        return place
    key = "sip.public_address" if told else "sip.listen[0].host"
    return Said(public_host(settings) or place, "Contact", key)


async def _sdp(settings: Settings) -> Said | Finding:
    told = settings.rtp.public_address
    place = await _place(told, settings.rtp.host, "rtp.public_address")
    if isinstance(place, Finding):
        return place
    return Said(place, "SDP", "rtp.public_address" if told else "rtp.host")


async def _place(told: str | None, host: str, key: str) -> str | Finding:
    """What peers are told, as the server makes it out at its start."""
    if told is None or told == "auto":
        return route_address(host)
    server = read_server(told)
    if server is None:
        return told
    try:
        return await public_address(server, host)
    except StunFailed as error:
        return STUN_FAILED.found(str(error), key=key)


async def _trunks(patient: Patient) -> dict[str, str]:
    """The address of each trunk that has one; who has none is told by other checks."""
    names = list(patient.settings.trunks)
    asked = await asyncio.gather(*(patient.interviews.options(name) for name in names))
    found: dict[str, str] = {}
    for name, interview in zip(names, asked, strict=True):
        host = patient.settings.trunks[name].host
        if interview.peer is not None:
            found[name] = interview.peer.host
        elif is_address(host):
            found[name] = host
    return found


def _towards(name: str, host: str, said: Sequence[Said]) -> Iterator[Finding]:
    for place in said:
        if (":" in place.host) != (":" in host):
            continue  # of the other family: this trunk is not told it
        if is_loopback(place.host) and not is_loopback(host):
            ailment = LOOPBACK_ADDRESS
        elif is_private(place.host) and not is_private(host) and not is_loopback(host):
            ailment = PRIVATE_ADDRESS
        else:
            continue
        what = f"our {place.what} says {place.host}, and trunk {name} is at {host}"
        yield ailment.found(what, key=place.key)


async def _seen(patient: Patient, name: str, said: Sequence[Said]) -> list[Finding]:
    """What the trunk's answer says of where our request came from (RFC 3261 section 18.2.1), and
    whether that was still ours.
    """
    interview = await patient.interviews.options(name)
    if interview.answer is None:
        return []
    try:
        via = interview.answer.via
    except Bad:
        return []
    ours = patient.interviews.post.wire.identity
    if via.transport == "UDP" and not ours.is_ours(via.sent_by):
        what = f"trunk {name} got our Via as {via.host}"
        return [SIP_ALG.found(what, key=f"trunks.{name}.transport")]
    seen = via.params.get(b"received", b"").decode("ascii", "replace").strip("[]")
    if not seen or is_private(seen) or is_loopback(seen):
        return []
    return [
        SEEN_ELSEWHERE.found(
            f"trunk {name} sees us at {seen}, and our {place.what} says {place.host}",
            key=f"{'sip' if place.what == 'Contact' else 'rtp'}.public_address",
        )
        for place in said
        if is_address(place.host) and place.host != seen
    ]


def _routed(name: str, host: str, settings: Settings) -> Iterator[Finding]:
    """Can a datagram be sent there, from where SIP listens? None is."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    hosts = [at.host for at in settings.sip.listen if (":" in at.host) == (":" in host)]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            if hosts and not is_loopback(hosts[0]):
                probe.bind((hosts[0], 0))
            probe.connect((host, 9))
        except OSError as error:
            words = f"trunk {name}: {host}: {error.strerror or error}"
            yield NO_ROUTE.found(words, key=f"trunks.{name}.host")


def _outside(said: Sequence[Said]) -> Iterator[Finding]:
    told: set[str] = set()
    for place in said:
        if place.host in told or not is_address(place.host) or _is_ours(place.host):
            continue
        told.add(place.host)
        yield BEHIND_NAT.found(f"{place.host} is no address of this machine", key=place.key)


def _is_ours(host: str) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


CHECK = Check(
    "addresses",
    "addresses in Contact and SDP",
    _run,
    (
        *(PRIVATE_ADDRESS, LOOPBACK_ADDRESS, SEEN_ELSEWHERE, SIP_ALG, NO_ROUTE, NO_IPV6_MEDIA),
        *(STUN_FAILED, BEHIND_NAT, LOOPBACK_ONLY),
    ),
    seconds=25.0,
)
