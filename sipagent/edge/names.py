"""Names: from a SIP URI's host to the places to try, in order (RFC 3263, RFC 2782)."""

import asyncio
import random
import socket
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Any, NamedTuple, Protocol

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from sipagent.errors import SipAgentError

from .headers import Uri

#: transport to its NAPTR service and its SRV prefix
_SERVICES = {
    "udp": ("SIP+D2U", "_sip._udp"),
    "tcp": ("SIP+D2T", "_sip._tcp"),
    "tls": ("SIPS+D2T", "_sips._tcp"),
}


class Hop(NamedTuple):
    """One place to try."""

    transport: str
    host: str
    port: int


class Naptr(NamedTuple):
    """RFC 3403: smaller `order` first, then smaller `preference`."""

    order: int
    preference: int
    service: str
    replacement: str


class Srv(NamedTuple):
    """RFC 2782: smaller `priority` first, then by chance in proportion to `weight`."""

    priority: int
    weight: int
    port: int
    target: str


class NameFailed(SipAgentError):
    """The name service says no, or says nothing."""


class NameService(Protocol):
    """DNS as far as SIP needs it."""

    async def naptr(self, name: str) -> Sequence[Naptr]:
        """NAPTR records, none where there are none or nobody answered."""
        ...

    async def srv(self, name: str) -> Sequence[Srv]:
        """SRV records, none where there are none or nobody answered."""
        ...

    async def addresses(self, host: str) -> Sequence[str]:
        """IPv4 and IPv6 addresses. Raises NameFailed."""
        ...


class Dns:
    """dnspython for SRV and NAPTR. Addresses come from the system, hosts file included, unless
    `nameservers` (`address[:port]`) are given; `patience` seconds bound each question.
    """

    def __init__(self, nameservers: Iterable[str] = (), *, patience: float = 2.0) -> None:
        self._own = tuple(nameservers)
        self._patience = patience
        self._made: dns.asyncresolver.Resolver | None = None

    async def naptr(self, name: str) -> Sequence[Naptr]:
        """See NameService."""
        return [
            Naptr(r.order, r.preference, r.service.decode().upper(), _text(r.replacement))
            for r in await self._records(name, "NAPTR")
            if r.flags.lower() == b"s"
        ]

    async def srv(self, name: str) -> Sequence[Srv]:
        """See NameService."""
        return [
            Srv(r.priority, r.weight, r.port, _text(r.target))
            for r in await self._records(name, "SRV")
            if r.target != dns.name.root  # "." says: decidedly not here
        ]

    async def addresses(self, host: str) -> Sequence[str]:
        """See NameService."""
        if self._own:
            four, six = await asyncio.gather(self._records(host, "A"), self._records(host, "AAAA"))
            if not (found := [str(record.address) for record in (*four, *six)]):
                raise NameFailed(f"{host}: no such name")
            return found
        loop = asyncio.get_running_loop()
        try:
            answers = await loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            raise NameFailed(f"{host}: {error}") from error
        return list(dict.fromkeys(str(address[0]) for *_, address in answers))

    async def _records(self, name: str, kind: str) -> Sequence[Any]:
        try:
            resolver = self._resolver()
            answer = await resolver.resolve(name, kind, lifetime=self._patience, search=False)
        except (dns.exception.DNSException, OSError, UnicodeError):
            return []
        return list(answer)

    def _resolver(self) -> dns.asyncresolver.Resolver:
        if self._made is None:
            self._made = dns.asyncresolver.Resolver(configure=not self._own)
            if self._own:
                self._made.nameservers = [nameserver(text) for text in self._own]
        return self._made


def nameserver(text: str) -> dns.nameserver.Nameserver:
    """`address[:port]` of the settings."""
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        return dns.nameserver.Do53Nameserver(text.strip("[]"))
    return dns.nameserver.Do53Nameserver(host.strip("[]"), int(port))


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True)


async def locate(
    uri: Uri, names: NameService, supported: Sequence[str], chance: random.Random
) -> list[Hop]:
    """Where to send a request for `uri`, best first (RFC 3263 section 4).

    `supported` transports, in our order of preference. Raises NameFailed when a name has no
    address.
    """
    asked = uri.transport if uri.param(b"transport") or uri.scheme == "sips" else None
    port = uri.port or (5061 if uri.transport == "tls" else 5060)
    if is_address(uri.host):
        return [Hop(asked or "udp", uri.host, port)]
    hops: list[Hop] = []
    if uri.port is None and "." in uri.host:
        hops = await _served(uri.host, names, [asked] if asked else supported, chance)
    if hops:
        return hops
    return [Hop(asked or "udp", a, port) for a in await names.addresses(uri.host)]


async def _served(
    domain: str, names: NameService, transports: Sequence[str], chance: random.Random
) -> list[Hop]:
    """By NAPTR and SRV; empty where the domain has neither.

    All is asked at once: where no name service answers, that costs one wait and not three.
    """
    services = {_SERVICES[t][0]: t for t in transports if t in _SERVICES}
    usual = [(t, f"{_SERVICES[t][1]}.{domain}") for t in services.values()]
    pointers, found = await asyncio.gather(
        names.naptr(domain), asyncio.gather(*(names.srv(name) for _, name in usual))
    )
    records = dict(zip([name for _, name in usual], found, strict=True))
    chosen = [
        (services[n.service], n.replacement) for n in sorted(pointers) if n.service in services
    ]
    hops: list[Hop] = []
    failure: NameFailed | None = None
    for transport, name in chosen or usual:
        if name not in records:
            records[name] = await names.srv(name)
        for record in by_weight(records[name], chance):
            try:
                hosts = await _hosts(record.target, names)
            except NameFailed as error:
                failure = error
                continue
            hops += [Hop(transport, host, record.port) for host in hosts]
    if not hops and failure is not None:
        raise failure
    return hops


async def _hosts(target: str, names: NameService) -> Sequence[str]:
    return [target] if is_address(target) else await names.addresses(target)


def by_weight(records: Sequence[Srv], chance: random.Random) -> list[Srv]:
    """In the order RFC 2782 says to try them."""
    ordered: list[Srv] = []
    for priority in sorted({record.priority for record in records}):
        left = [record for record in records if record.priority == priority]
        left.sort(key=lambda record: record.weight > 0)
        while left:
            mark = chance.randint(0, sum(record.weight for record in left))
            for record in left:
                mark -= record.weight
                if mark <= 0:
                    break
            left.remove(record)
            ordered.append(record)
    return ordered


def is_address(host: str) -> bool:
    """True for an IP address, False for a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
