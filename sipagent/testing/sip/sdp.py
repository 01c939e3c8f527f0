"""Session descriptions of one audio stream, and how an answer follows an offer (RFC 3264)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

#: static payload types of RFC 3551 that the phone speaks
PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8, "G722": 9}
EVENT_PT = 101


class BadSdp(ValueError):
    """A body that describes no audio stream."""


class Direction(StrEnum):
    """Who sends, as the describing side sees it (RFC 3264 section 5.1)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        """True when the side that says so sends media."""
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        """True when the side that says so wants media."""
        return self in (Direction.SENDRECV, Direction.RECVONLY)

    def answering(self, wish: "Direction") -> "Direction":
        """What to answer to this offer when `wish` is what we would like (section 6.1)."""
        sends, receives = wish.sends and self.receives, wish.receives and self.sends
        return {
            (True, True): Direction.SENDRECV,
            (True, False): Direction.SENDONLY,
            (False, True): Direction.RECVONLY,
            (False, False): Direction.INACTIVE,
        }[sends, receives]


@dataclass(frozen=True, slots=True)
class Description:
    """One side's audio: where it wants RTP, and which codecs in order of preference."""

    host: str
    port: int
    codecs: tuple[str, ...]
    event_pt: int | None = EVENT_PT
    direction: Direction = Direction.SENDRECV
    event_clock: int = 8000


def parse(body: bytes) -> Description:
    """Read the first audio stream of a description. Raises BadSdp."""
    host, port, payloads = "", -1, list[int]()
    names, direction, audio = dict[int, str](), Direction.SENDRECV, True
    for line in body.decode("utf-8", "replace").replace("\r\n", "\n").split("\n"):
        kind, _, value = line.partition("=")
        if kind == "m":
            if port >= 0:
                audio = False
            elif audio := value.startswith("audio "):
                port, payloads = _media(value)
        elif kind == "c" and audio:
            host = value.split(" ")[-1].split("/")[0]
        elif kind == "a" and audio:
            if value in set(Direction):
                direction = Direction(value)
            elif value.startswith("rtpmap:"):
                number, _, name = value.removeprefix("rtpmap:").partition(" ")
                names[_number(number)] = name.split("/")[0].upper()
    if port < 0 or not host:
        raise BadSdp("no audio stream with an address")
    names = {number: name for name, number in PAYLOAD_TYPES.items()} | names
    spoken = tuple(names[p] for p in payloads if PAYLOAD_TYPES.get(names.get(p, "")) == p)
    events = [p for p in payloads if names.get(p) == "TELEPHONE-EVENT"]
    return Description(host, port, spoken, events[0] if events else None, direction)


def _media(value: str) -> tuple[int, list[int]]:
    parts = value.split()
    if len(parts) < 4:
        raise BadSdp(f"media line {value!r}")
    return _number(parts[1].split("/")[0]), [_number(p) for p in parts[3:]]


def _number(text: str) -> int:
    if not text.isdigit():
        raise BadSdp(f"{text!r} is not a number")
    return int(text)


def write(own: Description, session: int, version: int) -> bytes:
    """Write a description; `version` grows with every change (RFC 3264 section 8)."""
    family = "IP6" if ":" in own.host else "IP4"
    numbers = [str(PAYLOAD_TYPES[codec]) for codec in own.codecs]
    maps = [f"a=rtpmap:{PAYLOAD_TYPES[codec]} {codec}/8000" for codec in own.codecs]
    if own.event_pt is not None:
        numbers.append(str(own.event_pt))
        maps += [
            f"a=rtpmap:{own.event_pt} telephone-event/{own.event_clock}",
            f"a=fmtp:{own.event_pt} 0-15",
        ]
    lines = [
        "v=0",
        f"o=- {session} {version} IN {family} {own.host}",
        "s=-",
        f"c=IN {family} {own.host}",
        "t=0 0",
        f"m=audio {own.port} RTP/AVP {' '.join(numbers)}",
        *maps,
        "a=ptime:20",
        f"a={own.direction}",
        "",
    ]
    return "\r\n".join(lines).encode()


def common(ours: Sequence[str], theirs: Sequence[str]) -> tuple[str, ...]:
    """The codecs both sides speak, in the order of `theirs`."""
    return tuple(codec for codec in theirs if codec in ours)
