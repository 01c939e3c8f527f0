"""Capture: what the front door and the ledger tell of messages and legs, as HEP packets."""

import json
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache

import structlog

from sipagent.config.hep import Hep
from sipagent.events import CallEnded, Event, LegChanged, LegMedia

from ..desk import Address
from ..listeners import LOOP, Flow, Peer
from ..routing import route_address
from .masking import masked
from .packet import Agent, Payload, Told, Way, packet
from .reports import quality, rtcp
from .sender import Counts, Sender
from .threads import Threads

_log = structlog.get_logger(__name__)
#: dialogs and legs whose way is remembered for the reports at their end
_MOST = 20_000


class Capture:
    """`now` is microseconds since 1970."""

    def __init__(
        self, settings: Hep, *, now: Callable[[], int] = lambda: time.time_ns() // 1000
    ) -> None:
        password = settings.password
        key = password.get_secret_value().encode() if password is not None else b""
        self.threads = Threads()
        self._settings = settings
        self._agent = Agent(settings.id, key)
        self._now = now
        self._sender = Sender(settings)
        #: the way of a dialog's newest message, as seen from us
        self._ways: OrderedDict[bytes, Way] = OrderedDict()
        #: of each call, the dialogs of its legs
        self._legs: OrderedDict[str, dict[str, bytes]] = OrderedDict()

    @property
    def counts(self) -> Counts:
        """Packets sent and dropped since start."""
        return self._sender.counts

    def start(self) -> None:
        """Begin to send."""
        self._sender.start()

    async def close(self) -> None:
        """Stop. Idempotent."""
        await self._sender.close()

    def came(self, message: bytes, flow: Flow | None, peer: Peer) -> None:
        """A whole SIP message of the world."""
        if flow is not None and peer.flow != LOOP:
            here = _own(flow)
            self._passed(message, Way(flow.transport, (peer.host, peer.port), here), sent=False)

    def went(self, message: bytes, flow: Flow, peer: Peer) -> None:
        """A whole SIP message on its way to the world."""
        if peer.flow != LOOP:
            here = _own(flow)
            self._passed(message, Way(flow.transport, here, (peer.host, peer.port)), sent=True)

    def _passed(self, message: bytes, way: Way, *, sent: bool) -> None:
        call_id = call_id_of(message)
        if call_id:
            self._ways[call_id] = way if sent else Way(way.transport, way.destination, way.source)
            while len(self._ways) > _MOST:
                self._ways.popitem(last=False)
        told = self._settings
        shown = masked(message, credentials=told.credentials, personal=told.personal)
        self._tell(Payload.SIP, way, self.threads.of(call_id), shown)

    def happened(self, event: Event) -> None:
        """An event of a call: reports at the end of its legs, and a line at its own."""
        if not self._settings.rtcp:
            return
        match event:
            case LegChanged() if event.sip_call_id:
                legs = self._legs.setdefault(event.call_id, {})
                legs[event.leg] = event.sip_call_id.encode()
                while len(self._legs) > _MOST:
                    self._legs.popitem(last=False)
            case LegMedia():
                self._media(event)
            case CallEnded():
                self._ended(event)
            case _:
                pass

    def _media(self, media: LegMedia) -> None:
        call_id = self._legs.get(media.call_id, {}).get(media.leg, b"")
        if (way := self._ways.get(call_id)) is None:
            return  # a browser's leg: no SIP of it passed here
        thread = self.threads.of(call_id)
        self._tell(Payload.RTCP, way, thread, rtcp(media))
        self._tell(Payload.QUALITY, way, thread, quality(media, thread.decode("latin-1")))

    def _ended(self, event: CallEnded) -> None:
        dialogs = list(self._legs.pop(event.call_id, {}).values())
        way = next((self._ways[d] for d in dialogs if d in self._ways), None)
        if way is None:
            return
        line = {
            "event": event.type,
            "call_id": event.call_id,
            "status": event.status,
            "reason": event.reason,
            "by": event.by,
        }
        self._tell(Payload.LOG, way, self.threads.of(dialogs[0]), json.dumps(line).encode())

    def _tell(self, kind: Payload, way: Way, correlation: bytes, payload: bytes) -> None:
        try:
            made = packet(self._agent, Told(kind, way, self._now(), correlation, payload))
        except ValueError as error:
            self._sender.counts.dropped += 1
            _log.warning("hep_not_told", cause=str(error))
            return
        self._sender.send(made)


def call_id_of(message: bytes) -> bytes:
    """Call-ID as written, without reading the message; empty where there is none."""
    head = message.partition(b"\r\n\r\n")[0]
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() in (b"call-id", b"i"):
            return value.strip()
    return b""


def _own(flow: Flow) -> Address:
    """Our end as others see it: a socket of every address has none of its own."""
    host, port = flow.local
    return _known_as(host), port


@lru_cache(maxsize=64)
def _known_as(host: str) -> str:
    return route_address(host)
