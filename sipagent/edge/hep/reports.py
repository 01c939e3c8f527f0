"""Reports: how a leg's audio was, in the words that readers of HEP expect (JSON)."""

import json
from typing import Any

from sipagent.call.mos import heard_mos
from sipagent.events import LegMedia

#: RTCP's packet types (RFC 3550 section 12.1)
_SENDER_REPORT = 200
#: samples a second of each codec's RTP clock, by which RTCP counts jitter
_CLOCKS = {"opus": 48_000}
_CLOCK = 8_000


def rtcp(media: LegMedia) -> bytes:
    """As a sender report with one report block: what we sent, and what we saw of the far end."""
    expected = media.received + media.lost
    clock = _CLOCKS.get(media.codec.lower(), _CLOCK)
    block = {
        "source_ssrc": 0,
        "fraction_lost": round(256 * media.lost / expected) if expected else 0,
        "packets_lost": media.lost,
        "highest_seq_no": 0,
        "ia_jitter": round(media.jitter_ms * clock / 1000),
        "lsr": 0,
        "dlsr": 0,
    }
    return _json(
        {
            "type": _SENDER_REPORT,
            "ssrc": 0,
            "report_count": 1,
            "sender_information": {
                "packets": media.sent,
                "octets": 0,
                "ntp_timestamp_sec": 0,
                "ntp_timestamp_usec": 0,
                "rtp_timestamp": 0,
            },
            "report_blocks": [block],
            "mos": _mos(media),
        }
    )


def quality(media: LegMedia, correlation: str) -> bytes:
    """With MOS (E-model) and codec. Times in ms; what nobody measured is left out."""
    expected = media.received + media.lost
    told: dict[str, Any] = {
        "CORRELATION_ID": correlation,
        "CODEC_NAME": media.codec,
        "EXPECTED_PK": expected,
        "TOTAL_PK": media.received,
        "PACKET_LOSS": media.lost,
        "JITTER": media.jitter_ms,
        "MEAN_JITTER": media.jitter_ms,
        "MOS": _mos(media),
        "MEAN_MOS": _mos(media),
        "LEG": media.leg,
        "ROLE": media.role,
        "SENT_PK": media.sent,
        "REMOTE_PACKET_LOSS": media.remote_lost,
        "REMOTE_JITTER": media.remote_jitter_ms,
        "ROUND_TRIP": media.round_trip_ms,
    }
    return _json({name: value for name, value in told.items() if value is not None})


def _mos(media: LegMedia) -> float | None:
    figure = heard_mos(media)
    return None if figure is None else round(figure, 2)


def _json(told: Any) -> bytes:
    return json.dumps(told, separators=(",", ":")).encode()
