"""Behind `TapWires`: which network a tap's URI means."""

from collections.abc import Awaitable, Iterable

from sipagent.call.tap_uri import TapUri
from sipagent.call.tap_wires import TapOrder, TapWire

from .late import Late
from .tap_rtp import RtpTap

WEB_SOCKET: Late[Awaitable[TapWire]] = Late("sipagent.providers.tap_websocket")


def wants_web_sockets(plans: Iterable[bytes]) -> bool:
    """Whether any of these plans, as text, names a WebSocket server."""
    return any(scheme in plan for plan in plans for scheme in (b"ws://", b"wss://"))


class NetworkTaps:
    """RTP by UDP, and WebSocket servers."""

    async def open(self, order: TapOrder) -> TapWire:
        """See `TapWires`. Raises CallError."""
        if TapUri.parse(order.uri).scheme == "rtp":
            return await RtpTap.open(order)
        return await WEB_SOCKET(order)
