"""Offers of pages: what is taken, what is taken out, and what is refused with which words."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipagent.legs.webrtc.offer import LONGEST, BadOffer, advertised, checked

GOOD = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111 0
c=IN IP4 0.0.0.0
a=rtpmap:111 opus/48000/2
a=rtpmap:0 PCMU/8000
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuv
a=fingerprint:sha-256 AA:BB
a=mid:0
a=candidate:1 1 udp 2113937151 192.0.2.7 50000 typ host
a=candidate:2 1 udp 2113937151 7f3e2b.local 50001 typ host
a=candidate:3 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active
a=candidate:4 1 udp 2113937151 2001:db8::7 50002 typ host
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:1
a=sctp-port:5000
"""


def test_candidates_that_cannot_be_used_are_taken_out_and_the_rest_stays() -> None:
    kept = checked(GOOD.replace("\n", "\r\n"))
    assert [line.split()[4] for line in kept.splitlines() if "candidate" in line] == [
        "192.0.2.7",
        "2001:db8::7",
    ]
    assert kept.count("\r\n") == len(GOOD.splitlines()) - 2


def test_no_more_candidates_are_tried_than_anybody_has() -> None:
    many = "".join(f"a=candidate:{n} 1 udp 1 192.0.2.7 {n} typ host\n" for n in range(1, 500))
    assert checked(GOOD.replace("m=application", f"{many}m=application")).count("candidate") == 16


@pytest.mark.parametrize(
    ("offer", "why"),
    [
        ("hello", "begins with v=0"),
        (GOOD.replace("m=audio", "m=video"), "exactly one m=audio"),
        (GOOD.replace("m=application", "m=video"), "not m=video"),
        (GOOD.replace("opus/48000/2", "speex/16000"), "no Opus"),
        (GOOD.replace("a=ice-pwd", "a=x"), "no a=ice-pwd"),
        (GOOD.replace("fingerprint:sha-256", "fingerprint:md5"), "no a=fingerprint"),
        (GOOD + "a=x:\x00\n", "not SDP"),
        (GOOD + "a=x:" + "y" * LONGEST, "at most"),
    ],
)
def test_what_is_no_offer_of_a_call_is_refused_and_why_is_said(offer: str, why: str) -> None:
    with pytest.raises(BadOffer, match=why) as refused:
        checked(offer)
    assert refused.value.status == 488


@settings(max_examples=40)
@given(st.text(max_size=400), st.integers(0, len(GOOD)))
def test_no_text_does_more_than_be_refused(text: str, at: int) -> None:
    for offer in (text, GOOD[:at] + text + GOOD[at:]):
        try:
            assert checked(offer).startswith("v=0")
        except BadOffer as error:
            assert error.reason


def test_an_answer_tells_the_public_address_beside_the_bound_one() -> None:
    host = "a=candidate:7 1 udp 2130706431 10.0.0.5 20100 typ host"
    answer = advertised(f"v=0\r\n{host}\r\na=end-of-candidates\r\n", "203.0.113.9")
    assert answer.splitlines()[1] == host
    assert answer.splitlines()[2] == (
        "a=candidate:71 1 udp 2130706430 203.0.113.9 20100 typ srflx raddr 10.0.0.5 rport 20100"
    )
    assert advertised(f"{host}\r\n", "10.0.0.5") == f"{host}\r\n"
    assert advertised(answer, None) == answer
