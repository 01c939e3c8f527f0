"""Outpost: SIP sockets of our own beside those of the server, to ask trunks by."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from sipagent.config import Listener, Settings
from sipagent.edge.counters import Counters
from sipagent.edge.headers import Bad
from sipagent.edge.identity import Identity
from sipagent.edge.listeners import Listeners, Peer
from sipagent.edge.message import Message, parse
from sipagent.edge.names import Dns
from sipagent.edge.requests import Requests
from sipagent.edge.resolver import Resolver
from sipagent.edge.routing import route_address, told_address
from sipagent.edge.timers import Timers
from sipagent.edge.tls import BadCertificate, Tls
from sipagent.edge.trunks.enrolment import Wire


@dataclass(frozen=True, slots=True)
class Told:
    """What time a far end said it is (RFC 3261 section 20.17), and when that came; both UTC."""

    said: datetime
    came: datetime


@dataclass(frozen=True, slots=True)
class Outpost:
    """`wire` asks as the server's own front door does; `times` are what far ends said of the time,
    by their address.
    """

    wire: Wire
    times: Mapping[str, Told]


class _Nobody:
    """Nobody connects to us: see `Gate`."""

    def opens(self, host: str) -> bool:
        return False

    def closes(self, host: str) -> None:
        """Nobody came in."""

    def hurries(self, host: str) -> float | None:
        return None


class _Inbox:
    """What comes: answers to what was asked, with the time they say it is."""

    def __init__(self) -> None:
        self.times: dict[str, Told] = {}
        self.answered: Callable[[Message], object] = lambda answer: None

    def receive(self, data: bytes, peer: Peer) -> None:
        """A message; requests are for the server."""
        try:
            message = parse(data)
            if message.is_request:
                return
            self.answered(message)
        except Bad:
            return
        said = said_time(message.text(b"date").decode("ascii", "replace"))
        if said is not None:
            self.times[peer.host] = Told(said, datetime.now(UTC))


@asynccontextmanager
async def outpost(settings: Settings) -> AsyncIterator[Outpost]:
    """Sockets on the hosts of the settings, on ports that are free, open while the block runs."""
    timers, counters, inbox = Timers(), Counters(), _Inbox()
    most = settings.sip.max_message
    listeners = Listeners(
        inbox.receive, counters, timers, _tls(settings), _Nobody(), max_message=most
    )
    _open(listeners, settings)
    host, port = listeners.bound[0][1]
    public = (public_host(settings) or route_address(host), port)
    identity = Identity(public, public, listeners.bound)
    requests = Requests(listeners, identity, timers)
    inbox.answered = requests.answered
    names = Dns(settings.sip.nameservers, patience=timers.reach / 2)
    resolver = Resolver(listeners, identity, timers, names)
    try:
        yield Outpost(Wire(listeners, identity, requests, resolver), inbox.times)
    finally:
        requests.close()
        await resolver.close()
        await listeners.close()


def said_time(text: str) -> datetime | None:
    """A Date header as UTC; None where it is none."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _open(listeners: Listeners, settings: Settings) -> None:
    """One UDP socket a host; what cannot be had is told by the check of ports."""
    for host in dict.fromkeys(listener.host for listener in settings.sip.listen):
        try:
            listeners.open([Listener(transport="udp", host=host, port=0)])
        except OSError:
            continue
    if not listeners.bound:
        listeners.open([Listener(transport="udp", host="127.0.0.1", port=0)])


def public_host(settings: Settings) -> str | None:
    """Where peers reach us, where the settings say it outright."""
    told = settings.sip.public_address
    if told is None or told == "auto" or told.startswith("stun:"):
        return None
    return told_address(told, ("", 0))[0]


def _tls(settings: Settings) -> Tls:
    """The server's own, or one without certificates where they are broken: another check's."""
    try:
        return Tls(settings.sip.tls)
    except BadCertificate:
        return Tls(settings.sip.tls.model_copy(update={"certificates": (), "authorities": None}))


def sdp_of(answer: Message) -> str:
    """The SDP of a message, empty where it carries none."""
    kind = answer.text(b"content-type").partition(b";")[0].strip().lower()
    return answer.body.decode("utf-8", "replace") if kind == b"application/sdp" else ""
