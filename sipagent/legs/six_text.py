"""IPv6 for a stack that has none: addresses in SIP and SDP, exchanged on the way. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

Address = tuple[str, int]
_CALL_ID = re.compile(rb"^(?:Call-ID|i)[ \t]*:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)
_CONTACT = re.compile(
    rb"^(?:Contact|m)[ \t]*:[^\r\n]*sips?:(?:[^@>\s]*@)?\[", re.IGNORECASE | re.MULTILINE
)
_TO_TAG = re.compile(rb"^(?:To|t)[ \t]*:[^\r\n]*;tag=", re.IGNORECASE | re.MULTILINE)
_LENGTH = re.compile(rb"^(?:Content-Length|l)[ \t]*:[^\r\n]*", re.IGNORECASE | re.MULTILINE)
_TARGET = re.compile(rb"INVITE sips?:(?:[^@\s]*@)?\[", re.IGNORECASE)
_PLACE = re.compile(rb"^c=IN IP[46] ([^\s/]+)", re.MULTILINE)
_ORIGIN = re.compile(rb"^(o=.*) IN IP[46] \S+", re.MULTILINE)
_AUDIO = re.compile(rb"^m=audio (\d+)", re.MULTILINE)
#: where RTCP goes is one port above RTP again; other paths than the one through us there are none
_OTHER_WAYS = re.compile(rb"^a=(?:rtcp:|candidate:|ice-|remote-candidates:)[^\n]*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Text:
    """A message as far as it must be read: head, and the body behind the empty line."""

    head: bytes
    body: bytes

    @classmethod
    def of(cls, data: bytes) -> "Text":
        """Take it apart."""
        head, _, body = data.partition(b"\r\n\r\n")
        return cls(head, body)

    def __bytes__(self) -> bytes:
        return self.head + b"\r\n\r\n" + self.body

    @property
    def call_id(self) -> bytes:
        """Call-ID, empty when there is none."""
        found = _CALL_ID.search(self.head)
        return found[1] if found else b""

    @property
    def begins(self) -> bool:
        """True for an INVITE outside a dialog."""
        return self.head.startswith(b"INVITE ") and _TO_TAG.search(self.head) is None

    @property
    def from_ipv6(self) -> bool:
        """True when whoever sent it wants to be reached by IPv6."""
        return _CONTACT.search(self.head) is not None

    @property
    def to_ipv6(self) -> bool:
        """True for an INVITE to an IPv6 address."""
        return _TARGET.match(self.head) is not None

    @property
    def media(self) -> Address | None:
        """Where the audio of its session description is; None where there is none."""
        audio = _AUDIO.search(self.body)
        if audio is None:
            return None
        # a line of the media section overrides the one of the session (RFC 4566 section 5.7)
        places = _PLACE.findall(self.body, audio.end()) or _PLACE.findall(self.body)
        return (places[0].decode("ascii", "replace"), int(audio[1])) if places else None

    def moved(self, host: str, port: int) -> "Text":
        """The same with its audio at another address."""
        place = f" IN IP{6 if ':' in host else 4} {host}".encode()
        body = _PLACE.sub(b"c=" + place[1:], self.body)
        body = _ORIGIN.sub(rb"\1" + place, body)
        body = _AUDIO.sub(b"m=audio %d" % port, body)
        body = _OTHER_WAYS.sub(b"", body)
        return Text(_LENGTH.sub(b"Content-Length: %d" % len(body), self.head), body)

    def renamed(self, places: Mapping[bytes, bytes]) -> "Text":
        """The same with `host:port` texts of the head exchanged."""
        pattern = b"|".join(rb"(?<![\d.])" + re.escape(old) + rb"(?!\d)" for old in places)
        return Text(re.sub(pattern, lambda found: places[found[0]], self.head), self.body)
