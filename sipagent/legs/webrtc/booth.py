"""Booth: where browser legs are made; imported where the settings have `webrtc` only."""

from itertools import count

from aiortc import RTCCertificate

from sipagent.call.leg import LegInfo, LegState

from .ice import Place, pin
from .leg import WebRtcLeg
from .opus import RATE, SAMPLES, OpusDecoder, OpusEncoder
from .ports import BrowserPorts


def preload() -> None:
    """What every worker would do at its first browser, in the zygote: no thread is begun. Its
    certificate is thrown away, each process makes its own.
    """
    RTCCertificate.generateCertificate()
    packet = OpusEncoder().encode(bytes(SAMPLES * 2), 0)
    if packet is None or len(OpusDecoder().decode(bytes(packet))) != SAMPLES * 2:
        raise RuntimeError(f"Opus at {RATE} Hz does not give 20 ms for 20 ms")


class Booth:
    """Makes the browser legs of one call, all at one place."""

    def __init__(self, place: Place) -> None:
        pin(place)
        self._place = place
        self._ports = BrowserPorts()
        self._numbers = count(1)

    def incoming(self, name: str, number: str) -> WebRtcLeg:
        """A browser that calls a number; give it its offer."""
        info = LegInfo(self._id(), local=f"web:{number}", remote=f"web:{name}")
        return WebRtcLeg(self._ports, self._place, info, LegState.INCOMING)

    def outgoing(self, name: str) -> WebRtcLeg:
        """A browser that is to be rung."""
        info = LegInfo(self._id(), local="", remote=f"web:{name}")
        return WebRtcLeg(self._ports, self._place, info, LegState.CALLING)

    def _id(self) -> str:
        return f"web-{next(self._numbers)}"


def make(host: str, public: str | None, first: int, last: int) -> Booth:
    """A booth of this process."""
    return Booth(Place(host, public, first, last))
