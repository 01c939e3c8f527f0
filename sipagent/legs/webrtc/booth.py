"""Booth: where browser legs are made; imported where the settings have `webrtc` only."""

from aiortc import RTCCertificate

from sipagent.call.leg import LegState

from .ice import Place, pin
from .leg import WebRtcLeg, callee, caller
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

    def incoming(self, name: str, number: str) -> WebRtcLeg:
        """A browser that calls a number; give it its offer."""
        return WebRtcLeg(self._ports, self._place, caller(name, number), LegState.INCOMING)

    def outgoing(self, name: str) -> WebRtcLeg:
        """A browser that is to be rung."""
        return WebRtcLeg(self._ports, self._place, callee(name), LegState.CALLING)


def make(host: str, public: str | None, first: int, last: int) -> Booth:
    """A booth of this process."""
    return Booth(Place(host, public, first, last))
