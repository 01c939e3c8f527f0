"""Negotiation: what a call's two sides agreed on, applied to its RTP stream (RFC 3264)."""

import secrets
from collections.abc import Sequence
from dataclasses import replace

from .sip import sdp
from .sip.sdp import BadSdp, Description, Direction
from .stream import RtpStream


class Negotiation:
    """Offers, answers, and switches the stream. `wish` is the direction we want."""

    def __init__(
        self,
        stream: RtpStream,
        codecs: Sequence[str],
        events: tuple[int, int] | None = (sdp.EVENT_PT, 8000),
    ) -> None:
        self._events = events
        self.wish = Direction.SENDRECV
        #: what the far end last said
        self.remote: Description | None = None
        self._stream = stream
        #: what we speak, in our order
        self.codecs = tuple(codecs)
        self._session = secrets.randbits(31)
        self._version = 0

    @property
    def held(self) -> bool:
        """True while the far end does not want to hear us."""
        return self.remote is not None and not self.remote.direction.receives

    def offer(self) -> bytes:
        """Describe what we want."""
        host, port = self._stream.address
        event_pt, clock = self._events or (None, 8000)
        own = Description(host, port, self.codecs, event_pt, self.wish, clock)
        return self._write(own)

    def answer(self, offer: bytes) -> bytes:
        """Go along with an offer. Raises BadSdp when nothing is in common."""
        theirs = self._agree(offer)
        host, port = self._stream.address
        direction = theirs.direction.answering(self.wish)
        event_pt = theirs.event_pt if self._events else None
        own = Description(host, port, theirs.codecs, event_pt, direction)
        return self._write(own)

    def accept(self, answer: bytes) -> None:
        """Go along with an answer. Raises BadSdp when nothing is in common."""
        self._agree(answer)

    def _agree(self, body: bytes) -> Description:
        described = sdp.parse(body)
        codecs = sdp.common(self.codecs, described.codecs)
        if not codecs or not described.port:
            raise BadSdp("no codec in common")
        self.remote = theirs = replace(described, codecs=codecs)
        sender, route = self._stream.sender, self._stream.route
        sender.codec, sender.event_pt = codecs[0], theirs.event_pt
        route.remote = (theirs.host, theirs.port)
        nowhere = theirs.host in ("0.0.0.0", "::")  # noqa: S104 - hold as before RFC 3264
        route.sending = theirs.direction.receives and self.wish.sends and not nowhere
        return theirs

    def _write(self, own: Description) -> bytes:
        self._version += 1
        return sdp.write(own, self._session, self._version)
