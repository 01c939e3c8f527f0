"""A name service of our own on loopback, with the records a test gives it."""

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from sipagent.edge.desk import Address

#: records by name and type, as in a zone file: {("_sip._udp.a.example", "SRV"): ["0 0 5060 b."]}
Zone = Mapping[tuple[str, str], Sequence[str]]


class NameServer(asyncio.DatagramProtocol):
    """`async with NameServer(zone) as names:`; what is not in the zone does not exist.

    While `silent` it hears and says nothing. `asked` is every question so far.
    """

    def __init__(self, zone: Zone) -> None:
        self.zone = dict(zone)
        self.silent = False
        self.asked: list[tuple[str, str]] = []
        self.address: Address = ("127.0.0.1", 0)
        self._wire: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._wire, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        self.address = self._wire.get_extra_info("sockname")[:2]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._wire is not None
        self._wire.close()

    @property
    def place(self) -> str:
        """`host:port`, as `sip.nameservers` wants it."""
        return f"{self.address[0]}:{self.address[1]}"

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """A question."""
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if self.silent or self._wire is None:
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        records = self.zone.get((name, kind))
        if records:
            answer.answer.append(
                dns.rrset.from_text_list(question.name, 60, "IN", kind, list(records))
            )
        elif not any(known == name for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self._wire.sendto(answer.to_wire(), addr)
