"""Behind `TapWires`: which network a tap's URI means."""

from sipagent.call.services import TapOrder, TapWire
from sipagent.call.tap_uri import TapUri

from .tap_rtp import RtpTap
from .tap_websocket import WebSocketTap


class NetworkTaps:
    """RTP by UDP, and WebSocket servers."""

    async def open(self, order: TapOrder) -> TapWire:
        """See `TapWires`. Raises CallError."""
        if TapUri.parse(order.uri).scheme == "rtp":
            return await RtpTap.open(order)
        return await WebSocketTap.open(order)
