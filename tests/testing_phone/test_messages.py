"""The phone's SIP message codec, digest and SDP."""

import hashlib
import re

import pytest

from sipagent.testing.sip import digest, sdp
from sipagent.testing.sip.digest import Credentials
from sipagent.testing.sip.message import (
    BadMessage,
    Request,
    Response,
    address_uri,
    params,
    parse,
    split_commas,
    tag,
    uri,
)
from sipagent.testing.sip.sdp import BadSdp, Direction

INVITE = (
    b"INVITE sip:100@127.0.0.1 SIP/2.0\r\n"
    b"v: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\n"
    b'f: "A, B" <sip:a@127.0.0.1>;tag=1\r\nt: <sip:100@127.0.0.1>\r\n'
    b"i: x@y\r\nCSeq: 1\r\n  INVITE\r\n"
    b"Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nl: 4\r\n\r\nbodyextra"
)


def test_compact_names_folded_lines_and_surplus_bytes_are_understood() -> None:
    message = parse(INVITE)
    assert isinstance(message, Request)
    assert message.get("from") == '"A, B" <sip:a@127.0.0.1>;tag=1'
    assert message.cseq == (1, "INVITE")
    assert message.all("Record-Route") == ["<sip:p1;lr>", "<sip:p2;lr>"]
    assert message.body == b"body"


def test_what_is_written_is_read_back_the_same() -> None:
    message = parse(INVITE)
    assert parse(bytes(message)) == message


def test_a_reply_copies_what_it_must() -> None:
    message = parse(INVITE)
    assert isinstance(message, Request)
    reply = parse(bytes(message.reply(180, to_tag="9")))
    assert isinstance(reply, Response)
    assert (reply.status, reply.reason) == (180, "Ringing")
    assert tag(reply.get("To")) == "9"
    assert reply.all("Record-Route") == message.all("Record-Route")


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        b"INVITE sip:a SIP/2.0\r\n\r\n",
        INVITE.replace(b"l: 4", b"l: 400"),
        INVITE.replace(b"SIP/2.0\r\nv", b"HTTP/1.1\r\nv"),
        INVITE.replace(b"CSeq: 1", b"CSeq: one"),
        INVITE.replace(b"i: x@y", b"no colon here"),
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(BadMessage):
        parse(data)


def test_commas_in_quotes_and_brackets_part_nothing() -> None:
    assert split_commas('"a,b" <sip:x,y@h>;q=1, <sip:z>') == ['"a,b" <sip:x,y@h>;q=1', "<sip:z>"]


def test_uri_and_header_parameters_are_told_apart() -> None:
    value = '"x" <sip:bob@h:5070;lr;transport=tcp>;tag=7'
    assert params(value) == {"tag": "7"}
    found = uri(address_uri(value))
    assert (found.user, found.host, found.port) == ("bob", "h", 5070)
    assert found.params == {"lr": "", "transport": "tcp"}


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_challenge_is_answered_as_rfc_8760_says(algorithm: str) -> None:
    header = f'Digest realm="r", nonce="n", qop="auth,auth-int", algorithm={algorithm}, opaque="o"'
    challenge = Response((("WWW-Authenticate", header),), status=401)
    answered = digest.answer(challenge, Credentials("u", "p"), "INVITE", "sip:x")
    assert answered is not None
    name, value = answered
    assert name == "Authorization"
    assert 'opaque="o"' in value
    cnonce = re.search(r'cnonce="(\w+)"', value)
    assert cnonce is not None

    def h(text: str) -> str:
        kind = hashlib.md5 if algorithm == "MD5" else hashlib.sha256
        return kind(text.encode()).hexdigest()

    proof = h(f"{h('u:r:p')}:n:00000001:{cnonce[1]}:auth:{h('INVITE:sip:x')}")
    assert f'response="{proof}"' in value


def test_an_unknown_scheme_is_passed_over_for_a_known_one() -> None:
    challenge = Response(
        (
            ("Proxy-Authenticate", 'Digest realm="r", nonce="n", algorithm=SHA-512-256'),
            ("Proxy-Authenticate", 'Digest realm="r", nonce="n"'),
        ),
        status=407,
    )
    answered = digest.answer(challenge, Credentials("u", "p"), "INVITE", "sip:x")
    assert answered is not None
    assert answered[0] == "Proxy-Authorization"
    assert "algorithm=MD5" in answered[1]


def test_a_description_is_read_back_as_it_was_written() -> None:
    own = sdp.Description("127.0.0.1", 4000, ("PCMA", "PCMU"), 96, Direction.SENDONLY)
    assert sdp.parse(sdp.write(own, 1, 1)) == own


def test_a_body_without_audio_is_refused() -> None:
    with pytest.raises(BadSdp):
        sdp.parse(b"v=0\r\nc=IN IP4 127.0.0.1\r\nm=video 5000 RTP/AVP 96\r\n")


@pytest.mark.parametrize(
    ("offered", "answer"),
    [
        ("sendrecv", "sendrecv"),
        ("sendonly", "recvonly"),
        ("recvonly", "sendonly"),
        ("inactive", "inactive"),
    ],
)
def test_an_offered_direction_is_mirrored(offered: str, answer: str) -> None:
    assert Direction(offered).answering(Direction.SENDRECV) == answer
