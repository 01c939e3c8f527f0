"""Offers: what a page's SDP must have, what is taken out of it, and what our answer adds.

Pure text (RFC 8866, RFC 8839), so that the gateway can refuse before a worker is taken.
"""

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from sipagent.errors import LegFailed

#: bytes of SDP; a browser's with one audio section has about 4000
LONGEST = 32_768
#: candidates of one offer that are tried: each makes us send packets to where it points
_CANDIDATES = 16
_OPUS = re.compile(r"a=rtpmap:\d+ opus/48000/2\s*$", re.IGNORECASE | re.MULTILINE)
_PRINTABLE = re.compile(r"[\x20-\x7e\x80-\U0010ffff]*")


class BadOffer(LegFailed):
    """Not an offer of a phone call; says why."""

    def __init__(self, why: str) -> None:
        super().__init__(488, why)


def checked(offer: str) -> str:
    """The offer without candidates that cannot be used: names (`.local` takes a second each to
    fail, RFC 8828), TCP, and more than anybody needs. Raises BadOffer.
    """
    if len(offer.encode()) > LONGEST:
        raise BadOffer(f"an offer has at most {LONGEST} bytes")
    lines = offer.replace("\r\n", "\n").rstrip("\n").split("\n")
    if not lines[0].startswith("v=0") or not all(map(_PRINTABLE.fullmatch, lines)):
        raise BadOffer("not SDP: it begins with v=0")
    sections = [line for line in lines if line.startswith("m=")]
    if [line.split(" ")[0] for line in sections].count("m=audio") != 1:
        raise BadOffer("a call has exactly one m=audio section")
    if others := [s for s in sections if not s.startswith(("m=audio", "m=application"))]:
        raise BadOffer(f"a call has audio and a data channel, not {others[0].split(' ')[0]}")
    if len(sections) > 2:
        raise BadOffer("a call has at most one data channel section")
    for needed in ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:sha-256 ", "a=mid:"):
        if not any(line.startswith(needed) for line in lines):
            raise BadOffer(f"no {needed.rstrip(': ')}: WebRTC needs it")
    if not _OPUS.search(offer.replace("\r\n", "\n")):
        raise BadOffer("no Opus is offered (a=rtpmap:111 opus/48000/2)")
    return "\r\n".join(_usable(lines)) + "\r\n"


def _usable(lines: Iterable[str]) -> Iterator[str]:
    taken = 0
    for line in lines:
        if line.startswith("a=candidate:"):
            if taken >= _CANDIDATES or not _is_reachable(line):
                continue
            taken += 1
        yield line


def _is_reachable(candidate: str) -> bool:
    """UDP, with an address and a port."""
    parts = candidate.split()
    if len(parts) < 8 or parts[2].lower() != "udp" or not parts[5].isdigit():
        return False
    try:
        address = ip_address(parts[4])
    except ValueError:
        return False
    return not address.is_multicast and 0 < int(parts[5]) < 65_536


def advertised(answer: str, public: str | None) -> str:
    """Our answer, each host candidate also at the address the world reaches it by, where that is
    another one: a 1:1 NAT keeps the port.
    """
    if public is None:
        return answer
    lines: list[str] = []
    for line in answer.splitlines():
        lines.append(line)
        parts = line.split()
        if line.startswith("a=candidate:") and parts[7] == "host" and parts[4] != public:
            priority = str(int(parts[3]) - 1)
            mapped = [f"{parts[0]}1", *parts[1:3], priority, public, parts[5], "typ", "srflx"]
            lines.append(" ".join([*mapped, "raddr", parts[4], "rport", parts[5]]))
    return "\r\n".join(lines) + "\r\n"
