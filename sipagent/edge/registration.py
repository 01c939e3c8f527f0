"""Registration: what a REGISTER asks for, read with all the rules of RFC 3261 section 10.3."""

import re
from dataclasses import dataclass, replace
from urllib.parse import unquote

from .bindings import Contact, Origin
from .headers import Bad, NameAddr, Uri, parameters, parse_name_addr, parse_uri
from .inward import Arrival
from .listeners import Peer

#: Contact and Path values one REGISTER may have
_MANY = 20
_LONGEST_URI = 512
#: characters kept of User-Agent
_AGENT = 80
#: what a registrar takes a malformed or missing wish for (20.19 and 10.2.1.1)
_HOUR = 3600
_Q = re.compile(rb"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


class TooBrief(Bad):
    """An expiry below the least we grant (10.3 step 7)."""

    def __init__(self) -> None:
        super().__init__("interval too brief", 423)


@dataclass(frozen=True, slots=True)
class Wish:
    """A REGISTER as read. `everything`: it was `Contact: *`; no contacts at all is a query."""

    extension: str
    contacts: tuple[Contact, ...]
    everything: bool
    origin: Origin

    def at_most(self, seconds: int) -> "Wish":
        """The same for a shorter time."""
        shorter = tuple(replace(c, seconds=min(c.seconds, seconds)) for c in self.contacts)
        return replace(self, contacts=shorter)


def extension_of(uri: bytes) -> str:
    """The user part as a phone's name: escapes undone, parameters and password dropped.

    Raises Bad.
    """
    user = parse_uri(uri).user.partition(b";")[0].partition(b":")[0]
    return unquote(user.decode("utf-8", "replace"))


def read_wish(arrival: Arrival, *, shortest: int, longest: int) -> Wish:
    """Read it; expiries become seconds between `shortest` and `longest`. Raises Bad, TooBrief."""
    request = arrival.request
    values, path = request.values(b"contact"), request.values(b"path")
    if len(values) > _MANY or len(path) > _MANY:
        raise Bad("too many contacts")
    hops = [parse_uri(parse_name_addr(value).uri) for value in path]
    try:
        extension = extension_of(request.to.uri)
    except Bad as bad:  # 416 would be about the request URI (10.3 step 5)
        raise Bad("To is not a SIP address") from bad
    general = request.get(b"expires")
    origin = Origin(
        request.call_id,
        request.cseq.number,
        tuple(path),
        request.text(b"user-agent").decode("utf-8", "replace")[:_AGENT],
    )
    if b"*" in values:
        if len(values) > 1 or general is None or _seconds(general) != 0:
            raise Bad("Contact: * stands alone and with Expires: 0")
        return Wish(extension, (), True, origin)
    contacts = []
    for value in values:
        given = parse_name_addr(value)
        uri = _address(given)
        wanted = _seconds(parameters(given.params).get(b"expires", general))
        if 0 < wanted < min(shortest, _HOUR):
            raise TooBrief
        peer = _way_back(arrival.peer, hops[0] if hops else uri)
        contacts.append(_contact(given, uri, peer, min(wanted, longest)))
    return Wish(extension, tuple(contacts), False, origin)


def _address(value: NameAddr) -> Uri:
    try:
        uri = parse_uri(value.uri)
    except Bad as bad:
        raise Bad("Contact is not a SIP address") from bad
    if len(value.uri) > _LONGEST_URI:
        raise Bad("Contact is too long")
    return uri


def _contact(value: NameAddr, uri: Uri, peer: Peer, seconds: int) -> Contact:
    given = parameters(value.params)
    q = given.get(b"q", b"1")
    if not _Q.fullmatch(q):
        raise Bad("malformed q")
    instance, number = given.get(b"+sip.instance", b""), given.get(b"reg-id", b"")
    return Contact(
        value.uri.removesuffix(uri.headers) if uri.headers else value.uri,
        peer,
        seconds,
        round(float(q) * 1000),
        instance + b";" + number if instance and number else b"",
    )


def _way_back(source: Peer, hop: Uri) -> Peer:
    """Where requests for a contact go: always to the host its REGISTER came from. So a phone behind
    a NAT, whose `hop` (Contact, or first Path) names another host, is reached, and none can have
    its calls sent to a third party.
    """
    return Peer(source.flow, source.host, hop.address[1]) if hop.host == source.host else source


def _seconds(wish: bytes | None) -> int:
    if wish is None or not wish.isdigit() or len(wish) > 10:
        return _HOUR
    return int(wish)
