"""Connection: one RTCPeerConnection with its two voices and its data channel."""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog
from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from aiortc.rtcrtpparameters import RTCRtpCodecCapability

from .offer import BadOffer
from .voice import Heard, Spoken

log = structlog.get_logger(__name__)

#: the label of our data channel
CHANNEL = "sipagent"
#: bytes of one message, either way
LONGEST = 16_384
#: messages of a page in a second; what comes above is dropped
_WORDS_A_SECOND = 50
#: bytes that may wait for a page that does not read; what comes above is dropped
_UNREAD = 262_144
#: hundredths of a second a last word may take to leave; seconds to close
_LAST_WORD, _CLOSING = 50, 2.0
_OPUS = RTCRtpCodecCapability("audio/opus", 48_000, 2)


class _Release:
    """In place of aiortc's jitter buffer: hands each packet on and keeps none, so that its
    decoder thread has nothing to do. Stands in by a private name: pinned to aiortc 1.16.
    """

    def __init__(self, heard: Heard) -> None:
        self._heard = heard

    def add(self, packet: Any) -> tuple[bool, None]:
        """A packet; never a frame to decode."""
        try:
            self._heard.arrived(packet.sequence_number, packet.timestamp, packet.payload)
        except Exception:
            # whatever leaves a hook on this path closes the connection without a word
            log.exception("browser_packet_failed")
        return False, None


class BrowserConnection:
    """Made of a page's offer. The listeners are called on the loop: `on_connected` once,
    `on_closed` once with whether the page said goodbye, `on_message` for each JSON object.
    """

    def __init__(self) -> None:
        self.heard = Heard()
        self.spoken = Spoken()
        self.on_connected: Callable[[], None] = lambda: None
        self.on_closed: Callable[[bool], None] = lambda goodbye: None
        self.on_message: Callable[[Mapping[str, Any]], None] = lambda message: None
        # without an empty list there would be a public STUN server
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._pc.on("connectionstatechange", self._changed)
        self._pc.on("datachannel", self._opened)
        self._channel: RTCDataChannel | None = None
        self._unsent: list[str] = []
        #: on the loop's clock, when sound could pass; None before
        self.connected_at: float | None = None
        self._over = False
        #: the second of the newest message, and how many came in it
        self._pace = (0, 0)

    async def answer(self, offer: str) -> str:
        """The SDP answer, with all candidates in it. Raises BadOffer, OSError where no port is
        free.
        """
        transceiver = self._pc.addTransceiver(self.spoken, direction="sendrecv")
        transceiver.setCodecPreferences([_OPUS])
        _release(transceiver.receiver, self.heard)
        try:
            await self._pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            await self._pc.setLocalDescription(await self._pc.createAnswer())
        except OSError:
            raise
        except Exception as error:  # whatever a parser falls over is a bad offer
            raise BadOffer(
                f"the offer cannot be answered: {error or type(error).__name__}"
            ) from error
        return self._pc.localDescription.sdp

    def tell(self, message: Mapping[str, Any]) -> None:
        """Say something to the page; kept until its channel is open, dropped where it does not
        read.
        """
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        channel = self._channel
        if len(text.encode()) > LONGEST or self._over:
            return
        if channel is None or channel.readyState != "open":
            if len(self._unsent) < 100:
                self._unsent.append(text)
        elif channel.bufferedAmount < _UNREAD:
            channel.send(text)

    async def close(self) -> None:
        """Let the last word leave, and end."""
        for _ in range(_LAST_WORD):
            if not self._has_words():
                break
            await asyncio.sleep(0.01)
        self._over = True
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING):
                await self._pc.close()

    async def remote_report(self) -> tuple[int | None, float | None, float | None]:
        """What the browser said of our packets: lost, jitter in ms, round trip in ms."""
        for report in (await self._pc.getStats()).values():
            if report.type == "remote-inbound-rtp":
                trip = report.roundTripTime
                return (
                    max(0, report.packetsLost),
                    report.jitter / 48,
                    None if trip is None else trip * 1000,
                )
        return None, None, None

    def _changed(self) -> None:
        state = self._pc.connectionState
        if state == "connected" and self.connected_at is None:
            self.connected_at = asyncio.get_running_loop().time()
            self.on_connected()
        elif state in ("closed", "failed") and not self._over:
            self._over = True
            self.on_closed(state == "closed")

    def _has_words(self) -> bool:
        """True while something said has not left, and may still."""
        if self._over:
            return False
        if self._channel is None or self._channel.readyState == "connecting":
            return bool(self._unsent)
        return self._channel.readyState == "open" and self._channel.bufferedAmount > 0

    def _opened(self, channel: RTCDataChannel) -> None:
        if channel.label != CHANNEL or self._channel is not None:
            channel.close()
            return
        self._channel = channel
        channel.on("message", self._received)
        unsent, self._unsent = self._unsent, []
        for text in unsent:
            channel.send(text)

    def _received(self, data: object) -> None:
        if not isinstance(data, str) or len(data) > LONGEST or not self._in_time():
            return
        try:
            message = json.loads(data)
        except (ValueError, RecursionError):
            return
        if isinstance(message, dict):
            self.on_message(message)

    def _in_time(self) -> bool:
        """False for a page that says more than anybody types."""
        now = int(asyncio.get_running_loop().time())
        second, said = self._pace
        self._pace = (now, said + 1 if second == now else 1)
        return self._pace[1] <= _WORDS_A_SECOND


def _release(receiver: RTCRtpReceiver, heard: Heard) -> None:
    name = "_RTCRtpReceiver__jitter_buffer"
    if not hasattr(receiver, name):
        raise RuntimeError("this aiortc has another jitter buffer: 1.16 is needed")
    setattr(receiver, name, _Release(heard))
