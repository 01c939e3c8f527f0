"""MOS: how good a leg's audio was for a listener, reckoned from what RTP and RTCP say of it.

The E-model of ITU-T G.107 (2015), without echo and noise: R = 93.2 - Id - Ie,eff.
"""

from dataclasses import dataclass

from sipagent.events import LegMedia


@dataclass(frozen=True, slots=True)
class _Codec:
    """Equipment impairment and robustness to loss (ITU-T G.113, with concealment)."""

    ie: float
    bpl: float


#: G.722 and Opus are wideband: on this narrowband scale they count as unimpaired
_CODECS = {"PCMU": _Codec(0.0, 25.1), "PCMA": _Codec(0.0, 25.1), "opus": _Codec(0.0, 30.0)}
_OTHER = _Codec(0.0, 25.1)
#: ms that packetisation and our own buffers add to the way of a packet
_OWN_MS = 40.0


def mos(codec: str, *, loss: float, jitter_ms: float = 0.0, round_trip_ms: float = 0.0) -> float:
    """1 (bad) to 4.41 (as good as a telephone can be).

    :param codec: as SDP names it.
    :param loss: part of the packets that did not come, 0..1.
    :param jitter_ms: interarrival jitter (RFC 3550); a receiver waits about twice as long.
    :param round_trip_ms: 0 where nobody measured it.
    """
    known = _CODECS.get(codec, _OTHER)
    delay = round_trip_ms / 2 + 2 * jitter_ms + _OWN_MS
    delayed = 0.024 * delay + (0.11 * (delay - 177.3) if delay > 177.3 else 0.0)
    percent = 100 * min(max(loss, 0.0), 1.0)
    equipment = known.ie + (95 - known.ie) * percent / (percent + known.bpl)
    r = 93.2 - delayed - equipment
    if r <= 0:
        return 1.0
    return min(4.5, 1 + 0.035 * r + 7e-6 * r * (r - 60) * (100 - r))


def heard_mos(media: LegMedia) -> float | None:
    """Of what came on a leg; None where nothing did."""
    expected = media.received + media.lost
    if not expected:
        return None
    loss, trip = media.lost / expected, media.round_trip_ms or 0.0
    return mos(media.codec, loss=loss, jitter_ms=media.jitter_ms, round_trip_ms=trip)


def reported_mos(media: LegMedia) -> float | None:
    """Of what went out on a leg, as its far end reports; None where it sent no report."""
    if media.remote_lost is None or not media.sent:
        return None
    loss, trip = media.remote_lost / media.sent, media.round_trip_ms or 0.0
    jitter = media.remote_jitter_ms or 0.0
    return mos(media.codec, loss=loss, jitter_ms=jitter, round_trip_ms=trip)
