"""What a stream was like, from the figures of RTP and RTCP the native stack keeps (RFC 3550)."""

from typing import Any

from sipagent.call.leg import Quality


def quality(native: Any, index: int) -> Quality:
    """The figures of one audio stream of a native call. Raises pj.Error where there is none."""
    info, stat = native.getStreamInfo(index), native.getStreamStat(index)
    rtcp = stat.rtcp
    reported = rtcp.txStat.updateCount > 0
    return Quality(
        codec=str(info.codecName),
        sent=int(rtcp.txStat.pkt),
        received=int(rtcp.rxStat.pkt),
        lost=int(rtcp.rxStat.loss),
        jitter_ms=_milliseconds(rtcp.rxStat.jitterUsec),
        remote_lost=int(rtcp.txStat.loss) if reported else None,
        remote_jitter_ms=_milliseconds(rtcp.txStat.jitterUsec) if reported else None,
        round_trip_ms=_milliseconds(rtcp.rttUsec) if rtcp.rttUsec.n > 0 else None,
    )


def _milliseconds(statistic: Any) -> float:
    return round(float(statistic.mean) / 1000, 2)
