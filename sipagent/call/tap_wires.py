"""What taps need of the network, as protocols; the worker supplies the real ones."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from sipagent.media.g711 import G711

Track = Literal["speak", "listen"]


@dataclass(frozen=True, slots=True)
class TapOrder:
    """What a tap sends where. `tracks` are what the caller says ("speak") and hears ("listen");
    two of them are sent apart over a WebSocket and mixed over RTP. `ptime` is ms a packet, `rate`
    that of the frames it is given. `about` is told to a WebSocket server at the start.
    """

    uri: str
    tracks: tuple[Track, ...]
    codec: G711
    ptime: int
    rate: int
    about: Mapping[str, Any]
    #: shown to a WebSocket server at the handshake, where it wants one
    bearer: str | None = field(default=None, repr=False)


class TapWire(Protocol):
    """The network's end of a tap. It never holds the call up: what cannot be sent is dropped."""

    def send(self, track: Track, pcm: bytes, t: int) -> None:
        """20 ms of a track that began at media-clock `t` ms; returns at once."""
        ...

    def received(self) -> AsyncIterator[bytes | None]:
        """What the far end wants to be heard, PCM at the order's rate, until it is over; None
        where all that waits to be heard is to be dropped.
        """
        ...

    async def failed(self) -> str:
        """Wait until the wire is broken for good; why."""
        ...

    async def close(self) -> tuple[int, int]:
        """Stop sending; packets or messages sent, and frames dropped. Idempotent."""
        ...


class TapWires(Protocol):
    """Opens the network's end of taps."""

    async def open(self, order: TapOrder) -> TapWire:
        """Begin to send. Raises CallError where nothing can be sent there."""
        ...
