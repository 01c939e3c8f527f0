"""What a leg's stream is looked at for, and how often what was agreed is read."""

from types import SimpleNamespace
from typing import Any, cast

import pjsua2 as pj

from sipagent.legs.reception import Reception
from sipagent.legs.sip import SipLeg


class Native:
    """The native call of a leg with one stream; `asked` counts how often what was agreed was."""

    def __init__(self) -> None:
        self.media: object | None = object()
        self.media_index = 0
        self.negotiated = 1
        self.asked = 0
        self.packets = 0
        self.described = "192.0.2.1:4000"

    def getStreamInfo(self, index: int) -> Any:  # noqa: N802
        self.asked += 1
        return SimpleNamespace(
            remoteRtpAddress=self.described, dir=pj.PJMEDIA_DIR_ENCODING_DECODING
        )

    def getStreamStat(self, index: int) -> Any:  # noqa: N802
        self.packets += 50
        rtcp = SimpleNamespace(
            rxStat=SimpleNamespace(pkt=self.packets), txStat=SimpleNamespace(updateCount=1)
        )
        return SimpleNamespace(rtcp=rtcp, jbuf=SimpleNamespace(size=2, discard=0, avgDelayMsec=0))

    def getMedTransportInfo(self, index: int) -> Any:  # noqa: N802
        return SimpleNamespace(localRtpName="127.0.0.1:5000", srcRtpName="192.0.2.1:4002")


def a_leg(native: Native) -> SipLeg:
    return cast(SipLeg, SimpleNamespace(native=native, on_hold=False))


def test_what_was_agreed_is_read_once_and_the_figures_at_every_look() -> None:
    native, reception = Native(), Reception()
    looks = [reception.look(a_leg(native)) for _ in range(4)]
    assert [seen.received.packets for seen in looks if seen] == [50, 100, 150, 200]
    assert {(seen.described, seen.source, seen.port) for seen in looks if seen} == {
        (("192.0.2.1", 4000), ("192.0.2.1", 4002), 5000)
    }
    assert native.asked == 1


def test_what_is_negotiated_anew_is_read_anew() -> None:
    native, reception = Native(), Reception()
    reception.look(a_leg(native))
    native.described, native.negotiated = "192.0.2.9:4000", 2
    seen = reception.look(a_leg(native))
    assert seen is not None and seen.described == ("192.0.2.9", 4000)
    assert native.asked == 2


def test_a_leg_without_media_has_nothing_to_look_at() -> None:
    native = Native()
    native.media = None
    assert Reception().look(a_leg(native)) is None
