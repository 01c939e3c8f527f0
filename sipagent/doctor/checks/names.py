"""Does DNS know the trunks, and does it answer in time?"""

import asyncio
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto

import dns.asyncresolver
import dns.exception
import dns.resolver

from sipagent.config import Settings, Trunk
from sipagent.doctor.aside import aside
from sipagent.doctor.check import Check
from sipagent.doctor.findings import Ailment, Finding, Severity, fine
from sipagent.doctor.patient import Patient
from sipagent.edge.headers import Uri, parse_uri
from sipagent.edge.names import is_address, nameserver
from sipagent.edge.trunks.enrolment import home

_PATIENCE = 2.0
#: seconds; a call waits for it
_SLOW = 0.5

NO_SUCH_NAME = Ailment(
    "dns-no-such-name",
    Severity.PROBLEM,
    "the name does not exist: misspelt, or not published where this machine asks",
    "correct it, or ask the carrier; sip.nameservers asks other servers",
)
DNS_SILENT = Ailment(
    "dns-silent",
    Severity.PROBLEM,
    "no DNS server answered: down, the wrong address, or UDP port 53 is blocked",
    "correct /etc/resolv.conf, or set sip.nameservers",
)
DNS_BROKEN = Ailment(
    "dns-server-failure",
    Severity.PROBLEM,
    "the DNS server failed (SERVFAIL, REFUSED): the zone is broken, its DNSSEC does not verify, or "
    "the server does not serve us",
    "ask another server (sip.nameservers); tell whoever runs the zone",
)
DANGLING = Ailment(
    "dns-srv-dangling",
    Severity.WARNING,
    "an SRV record names a host without an address: one of the trunk's servers is never tried",
    "tell whoever runs the zone",
)
DNS_SLOW = Ailment(
    "dns-slow",
    Severity.WARNING,
    "the DNS server is far away or busy: calls wait for it",
    "use one nearby, such as a cache on this machine",
)


_SERVICES = {"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."}


class _Fate(Enum):
    """What came of a question."""

    FOUND = auto()
    NOTHING = auto()
    SILENCE = auto()
    FAILURE = auto()


@dataclass(frozen=True, slots=True)
class _Answer:
    """Of one question: records as text, and seconds."""

    fate: _Fate
    records: tuple[str, ...] = ()
    seconds: float = 0.0


async def _run(patient: Patient) -> Sequence[Finding]:
    names = dict(_wanted(patient.settings))
    if not names:
        return [fine("trunks are named by their addresses")]
    asking = _Asking(patient.settings.sip.nameservers)
    found = await asyncio.gather(*(asking.judge(key, uri) for key, uri in names.items()))
    return [finding for findings in found for finding in findings]


def _wanted(settings: Settings) -> Iterator[tuple[str, Uri]]:
    """Names that SIP has to look up, by the setting they stand in."""
    for name, trunk in settings.trunks.items():
        for key, text in _hops(trunk):
            uri = parse_uri(text.encode())
            if not is_address(uri.host):
                yield f"trunks.{name}.{key}", uri


def _hops(trunk: Trunk) -> Iterator[tuple[str, str]]:
    if trunk.outbound_proxy is not None:
        yield "outbound_proxy", trunk.outbound_proxy
        return
    yield "host", home(trunk)
    for number, hop in enumerate(trunk.registration.registrars if trunk.registration else ()):
        yield f"registration.registrars[{number}]", hop


class _Asking:
    """Questions to the servers that the settings name, or the system's."""

    def __init__(self, own: Sequence[str]) -> None:
        self._own = own
        self._resolver: dns.asyncresolver.Resolver | None = None
        with suppress(dns.resolver.NoResolverConfiguration):
            self._resolver = dns.asyncresolver.Resolver(configure=not own)
            if own:
                self._resolver.nameservers = [nameserver(text) for text in own]

    async def judge(self, key: str, uri: Uri) -> list[Finding]:
        """All about one name."""
        host = uri.host
        kinds = () if uri.port is not None or "." not in host else _services(uri)
        services, addresses = await asyncio.gather(
            asyncio.gather(*(self._ask(f"{kind}{host}", "SRV") for kind in kinds)),
            asyncio.gather(self._ask(host, "A"), self._ask(host, "AAAA")),
        )
        answers = [*services, *addresses]
        records = [record for answer in answers for record in answer.records]
        if not records:
            return [await self._nothing(key, host, answers)]
        targets = sorted({r.split()[3].rstrip(".") for s in services for r in s.records} - {""})
        found = [finding for t in targets for finding in await self._target(key, host, t)]
        slowest = max(answer.seconds for answer in answers)
        if slowest > _SLOW:
            found.append(DNS_SLOW.found(f"{host}: {1000 * slowest:.0f} ms", key=key))
        shown = ", ".join(records[:3]) + (" ..." if len(records) > 3 else "")
        return found or [fine(f"{host}: {shown} ({1000 * slowest:.0f} ms)", key)]

    async def _target(self, key: str, host: str, target: str) -> list[Finding]:
        both = await asyncio.gather(self._ask(target, "A"), self._ask(target, "AAAA"))
        if any(answer.records for answer in both):
            return []
        return [DANGLING.found(f"{host}: SRV names {target}, which has no address", key=key)]

    async def _nothing(self, key: str, host: str, answers: Sequence[_Answer]) -> Finding:
        fates = {answer.fate for answer in answers}
        if not self._own and await _in_hosts_file(host):
            return fine(f"{host}: known to this machine, not to DNS", key)
        if _Fate.FAILURE in fates:
            return DNS_BROKEN.found(f"{host}: the server failed", key=key)
        if _Fate.SILENCE in fates:
            return DNS_SILENT.found(f"{host}: no answer within {_PATIENCE:g} s", key=key)
        return NO_SUCH_NAME.found(f"{host}: no such name, or no address", key=key)

    async def _ask(self, name: str, kind: str) -> _Answer:
        if self._resolver is None:
            return _Answer(_Fate.SILENCE)
        began = time.monotonic()
        try:
            answer = await self._resolver.resolve(name, kind, lifetime=_PATIENCE, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return _Answer(_Fate.NOTHING, seconds=time.monotonic() - began)
        except dns.exception.Timeout:
            return _Answer(_Fate.SILENCE, seconds=time.monotonic() - began)
        except (dns.resolver.NoNameservers, OSError):
            return _Answer(_Fate.FAILURE, seconds=time.monotonic() - began)
        except dns.exception.DNSException:  # a name that is none
            return _Answer(_Fate.NOTHING)
        return _Answer(_Fate.FOUND, tuple(r.to_text() for r in answer), time.monotonic() - began)


def _services(uri: Uri) -> Sequence[str]:
    """SRV prefixes of the transport that is set, or of all."""
    if uri.param(b"transport") is None:
        return tuple(_SERVICES.values())
    return [prefix for name, prefix in _SERVICES.items() if name == uri.transport]


async def _in_hosts_file(host: str) -> bool:
    """Does the system find an address by other means?"""
    try:
        async with asyncio.timeout(_PATIENCE):
            return bool(await aside(lambda: socket.getaddrinfo(host, None)))
    except (OSError, UnicodeError):  # TimeoutError is an OSError
        return False


CHECK = Check(
    "dns",
    "names of trunks",
    _run,
    (NO_SUCH_NAME, DNS_SILENT, DNS_BROKEN, DANGLING, DNS_SLOW),
    seconds=12.0,
)
