"""Whom an INVITE session works for: the media that is negotiated, and the call it is part of."""

from typing import Literal, Protocol

from sipagent.call.leg import LegState

from .message import Request

Side = Literal["local", "remote"]


class OfferAnswer(Protocol):
    """Whoever knows about media (RFC 3264)."""

    def offer(self) -> bytes:
        """Describe what we want."""
        ...

    def answer(self, offer: bytes) -> bytes:
        """Go along with the peer's offer. Raises BadSdp when nothing is in common."""
        ...

    def accept(self, answer: bytes) -> None:
        """Go along with the peer's answer. Raises BadSdp when nothing is in common."""
        ...


class Listener(Protocol):
    """Whoever the session belongs to."""

    def changed(self, state: LegState, status: int, reason: str, by: Side) -> None:
        """The session moved, or a provisional response arrived."""
        ...

    def got_info(self, request: Request) -> None:
        """An INFO arrived; it was answered."""
        ...

    def got_refer(self, request: Request) -> int:
        """The peer asks us to call someone; the status to answer with."""
        ...

    def got_notify(self, request: Request) -> None:
        """The peer tells how our REFER goes; it was answered."""
        ...
