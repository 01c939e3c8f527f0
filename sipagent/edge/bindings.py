"""Bindings: where each phone of ours can be reached, kept by the rules of RFC 3261 section 10.3."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from sipagent.errors import SipAgentError

from .headers import Uri, parameters, parse_uri
from .listeners import Peer

#: URI parameters that make an address another one when only one of two has them (19.1.4)
_TELLING = (b"user", b"ttl", b"method", b"maddr", b"transport")


class OutOfOrder(SipAgentError):
    """A REGISTER that is older than what is known already; nothing of it counts."""


@dataclass(frozen=True, slots=True)
class Contact:
    """One Contact of a REGISTER. Requests for it are sent to `peer`; `seconds` 0 removes it; `q` is
    in thousandths; `outbound` is the phone's instance and reg-id where it gave both (RFC 5626
    section 6).
    """

    uri: bytes
    peer: Peer
    seconds: int
    q: int = 1000
    outbound: bytes = b""


@dataclass(frozen=True, slots=True)
class Origin:
    """The REGISTER a binding comes from: its order among others, the route set of requests to its
    sender (RFC 3327), and what the phone calls itself.
    """

    call_id: bytes
    cseq: int
    path: tuple[bytes, ...] = ()
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Binding:
    """A contact until loop time `until`."""

    contact: Contact
    origin: Origin
    until: float


@dataclass(frozen=True, slots=True)
class Changes:
    """What a REGISTER did to the bindings of its phone."""

    added: tuple[Binding, ...] = ()
    removed: tuple[Binding, ...] = ()


class Bindings:
    """Bindings by extension; an extension has at most `room`, no two of them the same address.

    Time is loop time and is passed in.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._of: dict[str, tuple[Binding, ...]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))

    def __iter__(self) -> Iterator[tuple[str, Binding]]:
        return iter([(name, one) for name, bindings in self._of.items() for one in bindings])

    def of(self, extension: str, now: float) -> tuple[Binding, ...]:
        """What has not run out, the preferred first, among equals the newest."""
        newest_first = self._live(extension, now)[::-1]
        return tuple(sorted(newest_first, key=lambda one: -one.contact.q))

    def update(
        self, extension: str, contacts: Sequence[Contact], origin: Origin, now: float
    ) -> Changes:
        """Take the contacts of one REGISTER: all of them, or none. Raises OutOfOrder.

        Where there is no room, what was refreshed longest ago goes.
        """
        kept = self._live(extension, now)
        before = kept
        for contact in contacts:
            known = [one for one in kept if _same_contact(one.contact, contact)]
            _check_order([one for one in known if one.origin is not origin], origin)
            kept = [one for one in kept if one not in known]
            if contact.seconds:
                kept.append(Binding(contact, origin, now + contact.seconds))
        return self._settle(extension, before, kept[-self._room :])

    def restore(self, extension: str, bindings: Sequence[Binding]) -> None:
        """Know them again, the newest last."""
        self._keep(extension, bindings[-self._room :])

    def clear(self, extension: str, origin: Origin, now: float) -> Changes:
        """`Contact: *`: remove all, or none. Raises OutOfOrder."""
        before = self._live(extension, now)
        _check_order(before, origin)
        return self._settle(extension, before, [])

    def expire(self, now: float) -> list[tuple[str, Binding]]:
        """Forget what has run out, and return it."""
        gone = [(name, one) for name, one in self if one.until <= now]
        for name in {name for name, _ in gone}:
            self._keep(name, self._live(name, now))
        return gone

    def _live(self, extension: str, now: float) -> list[Binding]:
        return [one for one in self._of.get(extension, ()) if one.until > now]

    def _settle(self, extension: str, before: list[Binding], after: list[Binding]) -> Changes:
        self._keep(extension, after)
        return Changes(
            tuple(one for one in after if not _among(one, before)),
            tuple(one for one in before if not _among(one, after)),
        )

    def _keep(self, extension: str, bindings: Sequence[Binding]) -> None:
        if bindings:
            self._of[extension] = tuple(bindings)
        else:
            self._of.pop(extension, None)


def _among(binding: Binding, others: Sequence[Binding]) -> bool:
    return any(_same_contact(binding.contact, other.contact) for other in others)


def _check_order(known: Sequence[Binding], origin: Origin) -> None:
    """Within one Call-ID the CSeq must rise (steps 6 and 7); another Call-ID is a phone that
    started anew.
    """
    for one in known:
        if one.origin.call_id == origin.call_id and one.origin.cseq >= origin.cseq:
            raise OutOfOrder(f"CSeq {origin.cseq} is not above {one.origin.cseq}")


def _same_contact(one: Contact, other: Contact) -> bool:
    if one.outbound and other.outbound:
        return one.outbound == other.outbound
    return same_address(parse_uri(one.uri), parse_uri(other.uri))


def same_address(one: Uri, other: Uri) -> bool:
    """RFC 3261 section 19.1.4, without embedded headers, which no contact of ours has."""
    if (one.scheme, one.host, one.port) != (other.scheme, other.host, other.port):
        return False
    if unquote_to_bytes(one.user) != unquote_to_bytes(other.user):
        return False
    mine, theirs = parameters(one.params), parameters(other.params)
    for name in mine.keys() | theirs.keys():
        both = name in mine and name in theirs
        if not both and name in _TELLING:
            return False
        if both and mine[name].lower() != theirs[name].lower():
            return False
    return True
