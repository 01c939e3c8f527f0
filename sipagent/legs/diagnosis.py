"""What is wrong when a far end that should be heard is not: pure, from figures and addresses."""

from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import ip_address, ip_network

Address = tuple[str, int]
#: seconds from answer, or from the end of a hold, in which a first packet must have come
FIRST = 1.25
#: seconds without a packet after which a stream that flowed has stopped
GAP = 5.0
#: the same for RTCP, sent every 5 s give or take a half (RFC 3550 section 6.2): while reports
#: come, a far end without packets suppresses silence
REPORT_GAP = 8.0
#: packets, half a second of them, of which some must have become audio
_ENOUGH = 25
#: addresses that mean something else to everybody (RFC 1918, 6598, 3927, 4193, 4291)
_PRIVATE = [
    ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"),
        *("fc00::/7", "fe80::/10"),
    )
]


class Trouble(Enum):
    """How a stream fails."""

    NOTHING = auto()
    UNPLAYABLE = auto()
    STOPPED = auto()


@dataclass(frozen=True, slots=True)
class Received:
    """A stream's figures at a moment: RTP packets that passed decryption, whether any became
    audio, and RTCP reports of the far end. `wanted` is False on hold.
    """

    packets: int
    playable: bool
    reports: int
    wanted: bool


class Watch:
    """Looks at one leg's figures again and again; speaks once for each failure."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._seen = Received(0, False, 0, False)
        self._moved: float | None = None
        self._reported: float | None = None
        self._told = False

    def look(self, now: Received | None, at: float) -> Trouble | None:
        """The trouble that has just become certain; `at` in seconds of any clock."""
        if now is None or not now.wanted:
            self._since = None
            return None
        if self._since is None:
            self._since, self._seen, self._reported, self._told = at, now, None, False
            self._moved = at if now.packets else None
        if now.packets != self._seen.packets:
            self._moved = at
            self._told = self._told and not now.playable
        if now.reports != self._seen.reports:
            self._reported = at
        self._seen = now
        trouble = None if self._told else self._judge(now, at, self._since)
        self._told = self._told or trouble is not None
        return trouble

    def _judge(self, now: Received, at: float, since: float) -> Trouble | None:
        if at - since < FIRST:
            return None
        if self._moved is None:
            return Trouble.NOTHING
        if now.packets >= _ENOUGH and not now.playable:
            return Trouble.UNPLAYABLE
        silent = at - self._moved >= GAP
        # the first report may come as late as that, too
        alive = at - (since if self._reported is None else self._reported) < REPORT_GAP
        return Trouble.STOPPED if silent and not alive else None


@dataclass(frozen=True, slots=True)
class Path:
    """The way of a leg's media: where the far end's SDP says it is, where packets came from,
    where we said we are, the address its signalling comes from (empty when unknown), whether
    they should be encrypted, and the codec agreed upon.
    """

    described: Address | None
    source: Address | None
    ours: Address
    signalling: str
    encrypted: bool
    codec: str


def diagnose(trouble: Trouble, path: Path) -> str:
    """The likeliest cause, in words for whoever runs the server."""
    source = _place(path.source)
    if trouble is Trouble.UNPLAYABLE:
        return f"codec mismatch: packets from {source} are not the {path.codec} agreed upon"
    if trouble is Trouble.STOPPED:
        return f"stopped: {source} sent for a while, and now neither RTP nor RTCP"
    if path.source is not None and path.encrypted:
        return f"SRTP failure: packets from {source} do not decrypt with the keys in its SDP"
    if path.source is not None:
        return f"not RTP: what {source} sends cannot be read"
    nothing = f"nothing reached our UDP port {path.ours[1]}"
    return f"{_unreachable(path)}; {nothing}"


def _unreachable(path: Path) -> str:
    host = path.described[0] if path.described else ""
    described = _place(path.described)
    signalling = path.signalling
    if is_private(host) and host != signalling:
        away = f", its signalling comes from {signalling}" if signalling else ""
        return f"private address in SDP: the far end says it is at {described}{away}"
    if is_loopback(path.ours[0]) and signalling and not is_loopback(signalling):
        return (
            f"our address in SDP: we said {_place(path.ours)}, where {signalling} finds only "
            "itself; set rtp.host or rtp.public_address"
        )
    if is_private(path.ours[0]) and signalling and not is_private(signalling):
        return (
            f"our address in SDP: we said {_place(path.ours)}, which is private; "
            "set rtp.public_address"
        )
    if signalling and host and host != signalling:
        return (
            f"address differs: media was to come from {described}, signalling comes from "
            f"{signalling}"
        )
    return f"port not reached: a firewall between {described} and us, or the far end is mute"


def _place(address: Address | None) -> str:
    if address is None:
        return "nowhere"
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_private(host: str) -> bool:
    """Does the address mean something else to everybody? False for a name."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address.version == net.version and address in net for net in _PRIVATE)


def is_loopback(host: str) -> bool:
    """Does the address reach this machine only? False for a name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
