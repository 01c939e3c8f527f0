"""What a leg receives, read from the native stream."""

from dataclasses import dataclass
from typing import Any

import pjsua2 as pj

from .diagnosis import Address, Path, Received
from .sip import SipLeg


@dataclass(frozen=True, slots=True)
class Seen:
    """One look: the figures, where the SDP says the far end sends from, where its last packet came
    from, and our own port; 0 where that is not known.
    """

    received: Received
    described: Address | None
    source: Address | None
    port: int


@dataclass(frozen=True, slots=True)
class _Agreed:
    """Of a stream, what does not change before media is negotiated anew (`negotiated`)."""

    negotiated: int
    described: Address | None
    port: int
    decoding: bool


class Reception:
    """One leg's audio stream, looked at several times a second: what was agreed is read once."""

    def __init__(self) -> None:
        self._agreed: _Agreed | None = None

    def look(self, leg: SipLeg) -> Seen | None:
        """How it stands; None while there is none."""
        native = leg.native
        if native is None or native.media is None:
            return None
        try:
            stat = native.getStreamStat(native.media_index)
            transport = native.getMedTransportInfo(native.media_index)
            agreed = self._agreed
            if agreed is None or agreed.negotiated != native.negotiated:
                agreed = self._agreed = _agreed(native, transport)
        except pj.Error:  # the media ended a moment ago, natively
            return None
        buffer, rtcp = stat.jbuf, stat.rtcp
        received = Received(
            packets=int(rtcp.rxStat.pkt),
            playable=buffer.size > 0 or buffer.discard > 0 or buffer.avgDelayMsec > 0,
            reports=int(rtcp.txStat.updateCount),
            wanted=agreed.decoding and not leg.on_hold,
        )
        return Seen(received, agreed.described, _address(transport.srcRtpName), agreed.port)


def _agreed(native: Any, transport: Any) -> _Agreed:
    info = native.getStreamInfo(native.media_index)
    ours = _address(transport.localRtpName)
    return _Agreed(
        native.negotiated,
        _address(info.remoteRtpAddress),
        ours[1] if ours else 0,
        bool(info.dir & pj.PJMEDIA_DIR_DECODING),
    )


def path(leg: SipLeg, signalling: str, public: str | None) -> Path | None:
    """The way its media takes. `public` is what our SDP says in place of our own address."""
    native = leg.native
    if native is None or native.media is None:
        return None
    try:
        info = native.getStreamInfo(native.media_index)
        transport = native.getMedTransportInfo(native.media_index)
        dump = str(native.dump(True, ""))
    except pj.Error:
        return None
    host, port = _address(transport.localRtpName) or ("", 0)
    return Path(
        described=_address(info.remoteRtpAddress),
        source=_address(transport.srcRtpName),
        ours=(public or host, port),
        signalling=signalling,
        encrypted="SRTP status: Active" in dump,  # said nowhere else
        codec=str(info.codecName),
    )


def _address(name: Any) -> Address | None:
    """`127.0.0.1:4000` or `[::1]:4000`; None for an empty one."""
    host, _, port = str(name).rpartition(":")
    return (host.strip("[]"), int(port)) if host and port.isdigit() else None
