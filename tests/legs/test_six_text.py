"""SIP and SDP as the IPv6 translator reads and writes them."""

import pytest

from sipagent.legs.six_text import Text

HEAD = (
    "INVITE sip:100@[::1]:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:4000;branch=z9hG4bK1\r\n"
    "From: <sip:a@[::1]>;tag=1\r\nTo: <sip:100@[::1]>\r\nCall-ID: one@127.0.0.1:40001\r\n"
    "CSeq: 1 INVITE\r\nContact: <sip:a@[2001:db8::5]:5062>\r\n"
    "Content-Type: application/sdp\r\nContent-Length: 0"
)
BODY = (
    "v=0\r\no=- 1 1 IN IP6 2001:db8::5\r\ns=-\r\nc=IN IP6 2001:db8::9\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::5\r\na=rtcp:4009 IN IP6 2001:db8::5\r\n"
    "a=sendrecv\r\na=candidate:1 1 UDP 1 2001:db8::5 4000 typ host\r\n"
)


def test_media_is_found_where_its_own_section_says() -> None:
    text = Text.of(f"{HEAD}\r\n\r\n{BODY}".encode())
    assert text.media == ("2001:db8::5", 4000)
    assert text.call_id == b"one@127.0.0.1:40001"
    assert text.begins and text.from_ipv6 and text.to_ipv6
    assert Text.of(HEAD.encode() + b"\r\n\r\n").media is None


@pytest.mark.parametrize(("host", "kind"), [("127.0.0.1", "IP4"), ("::1", "IP6")])
def test_a_description_moves_whole_and_counts_its_bytes_again(host: str, kind: str) -> None:
    moved = Text.of(f"{HEAD}\r\n\r\n{BODY}".encode()).moved(host, 22000)
    assert moved.media == (host, 22000)
    body = moved.body.decode()
    assert "2001:db8" not in body
    assert f"o=- 1 1 IN {kind} {host}\r\n" in body
    assert body.count(f"c=IN {kind} {host}\r\n") == 2
    assert "rtcp:" not in body and "candidate" not in body
    assert "a=sendrecv\r\n" in body
    assert f"Content-Length: {len(moved.body)}" in moved.head.decode()


def test_only_whole_addresses_are_exchanged_and_none_twice() -> None:
    swap = {b"127.0.0.1:4000": b"127.0.0.1:5000", b"127.0.0.1:5000": b"127.0.0.1:4000"}
    head = b"Via: 127.0.0.1:4000, 127.0.0.1:5000, 127.0.0.1:40001, 1127.0.0.1:4000"
    assert Text(head, b"").renamed(swap).head == (
        b"Via: 127.0.0.1:5000, 127.0.0.1:4000, 127.0.0.1:40001, 1127.0.0.1:4000"
    )


@pytest.mark.parametrize("method", ["BYE sip:x SIP/2.0", "SIP/2.0 200 OK"])
def test_only_an_invite_without_a_tag_begins(method: str) -> None:
    rest = HEAD.partition("\r\n")[2]
    assert not Text.of(f"{method}\r\n{rest}\r\n\r\n".encode()).begins
    tagged = HEAD.replace("To: <sip:100@[::1]>", "To: <sip:100@[::1]>;tag=2")
    assert not Text.of(f"{tagged}\r\n\r\n".encode()).begins
