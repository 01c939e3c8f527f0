"""A name service of our own on loopback, with the records a test gives it."""

from collections.abc import Mapping, Sequence

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from sipagent.edge.desk import Address

from .udp import UdpServer

#: records by name and type, as in a zone file: {("_sip._udp.a.example", "SRV"): ["0 0 5060 b."]}
Zone = Mapping[tuple[str, str], Sequence[str]]


class NameServer(UdpServer):
    """`async with NameServer(zone) as names:`; what is not in the zone does not exist.

    While `silent` it hears and says nothing, while `failing` it says SERVFAIL. `asked` is every
    question so far.
    """

    def __init__(self, zone: Zone) -> None:
        super().__init__()
        self.zone = dict(zone)
        self.silent = False
        self.failing = False
        self.asked: list[tuple[str, str]] = []

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
        if self.failing:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif records:
            answer.answer.append(
                dns.rrset.from_text_list(question.name, 60, "IN", kind, list(records))
            )
        elif not any(known == name for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self._wire.sendto(answer.to_wire(), addr)
