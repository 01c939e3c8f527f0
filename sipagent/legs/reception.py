"""What a leg receives, read from the native stream."""

from typing import Any

import pjsua2 as pj

from .diagnosis import Address, Path, Received
from .sip import SipLeg


def received(leg: SipLeg) -> Received | None:
    """The figures of its audio stream; None while it has none."""
    native = leg.native
    if native is None or native.media is None:
        return None
    try:
        info = native.getStreamInfo(native.media_index)
        stat = native.getStreamStat(native.media_index)
    except pj.Error:  # the media ended a moment ago, natively
        return None
    buffer, rtcp = stat.jbuf, stat.rtcp
    return Received(
        packets=int(rtcp.rxStat.pkt),
        playable=buffer.size > 0 or buffer.discard > 0 or buffer.avgDelayMsec > 0,
        reports=int(rtcp.txStat.updateCount),
        wanted=bool(info.dir & pj.PJMEDIA_DIR_DECODING) and not leg.on_hold,
    )


def ends(leg: SipLeg) -> tuple[Address | None, Address | None, int] | None:
    """Where its SDP says it sends from, where its last packet came from, and our own port."""
    native = leg.native
    if native is None or native.media is None:
        return None
    try:
        info = native.getStreamInfo(native.media_index)
        transport = native.getMedTransportInfo(native.media_index)
    except pj.Error:
        return None
    ours = _address(transport.localRtpName)
    described, source = _address(info.remoteRtpAddress), _address(transport.srcRtpName)
    return (described, source, ours[1]) if ours else None


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
