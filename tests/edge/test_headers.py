"""Header values: lists, URIs, name-addrs, Vias."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.edge.headers import Bad, parameters, parse_name_addr, parse_uri, parse_via, split


@pytest.mark.parametrize(
    ("value", "pieces"),
    [
        (b"a, b,c", [b"a", b"b", b"c"]),
        (b'"a, b" <sip:x,y@h>, <sip:z>', [b'"a, b" <sip:x,y@h>', b"<sip:z>"]),
        (b'"a\\", b" <sip:x>', [b'"a\\", b" <sip:x>']),
        (b"", [b""]),
    ],
)
def test_lists_are_cut_outside_quotes_and_brackets(value: bytes, pieces: list[bytes]) -> None:
    assert split(value) == pieces


def test_parameters_may_have_spaces_and_quotes() -> None:
    text = b'; Tag = 1;lr; q = "a;b" ;tag=2'
    assert parameters(text) == {b"tag": b"1", b"lr": b"", b"q": b'"a;b"'}


def test_a_uri_is_told_apart() -> None:
    uri = parse_uri(b"sip:w.abc;x=1@[2001:DB8::1]:5070;transport=TCP;lr?Replaces=a%40b")
    assert (uri.user, uri.host, uri.port) == (b"w.abc;x=1", "2001:db8::1", 5070)
    assert (uri.transport, uri.param(b"lr"), uri.param(b"maddr")) == ("tcp", b"", None)
    assert parse_uri(b"SIP:example.com").address == ("example.com", 5060)
    assert parse_uri(b"sips:a@b;transport=tcp").transport == "tls"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"tel:+44123", 416),
        (b"http://x", 416),
        (b"sip:", 400),
        (b"sip:a@", 400),
        (b"sip:a@b:0", 400),
        (b"sip:a@b:65536", 400),
        (b"sip:a@b@c", 400),
        (b"sip:a b@c", 400),
        (b"<sip:a@b>", 400),
        (b"a@b", 400),
        (b"", 400),
    ],
)
def test_what_is_no_sip_uri_is_bad(text: bytes, status: int) -> None:
    with pytest.raises(Bad) as caught:
        parse_uri(text)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("value", "uri", "tag"),
    [
        (b"<sip:a@b;x=1>;tag=t", b"sip:a@b;x=1", b"t"),
        (b"sip:a@b;tag=t", b"sip:a@b", b"t"),
        (b'"x;tag=no" <sip:a@b> ; TAG = t ', b"sip:a@b", b"t"),
        (b"Al \xff Ice <sip:a@b>", b"sip:a@b", b""),
    ],
)
def test_name_addrs_are_read(value: bytes, uri: bytes, tag: bytes) -> None:
    address = parse_name_addr(value.strip())
    assert (address.uri, address.tag) == (uri, tag)


@pytest.mark.parametrize("value", [b"", b"<>", b"<sip:a", b'"x <sip:a>', b"a b"])
def test_what_is_no_name_addr_is_bad(value: bytes) -> None:
    with pytest.raises(Bad):
        parse_name_addr(value)


@pytest.mark.parametrize(
    ("via", "after"),
    [
        (b"UDP 1.2.3.4", b"UDP 1.2.3.4"),
        (b"UDP 9.9.9.9;branch=b", b"UDP 9.9.9.9;branch=b;received=1.2.3.4"),
        (b"UDP 1.2.3.4;rport;branch=b", b"UDP 1.2.3.4;branch=b;received=1.2.3.4;rport=5"),
        (b"UDP 1.2.3.4;received=6.6.6.6;rportx=1", b"UDP 1.2.3.4;rportx=1;received=1.2.3.4"),
        (b"UDP 1.2.3.4;rport=77", b"UDP 1.2.3.4;received=1.2.3.4;rport=5"),
    ],
)
def test_a_via_is_completed_and_lies_in_it_are_replaced(via: bytes, after: bytes) -> None:
    seen = parse_via(b"SIP/2.0/" + via).seen_from("1.2.3.4", 5)
    assert seen == b"SIP/2.0/" + after


@given(st.binary(max_size=80))
def test_no_value_raises_anything_but_bad(value: bytes) -> None:
    for read in (parse_uri, parse_name_addr, parse_via, split, parameters):
        for text in (value, b"sip:" + value, b"<sip:a@b>" + value, b"SIP/2.0/UDP h" + value):
            with suppress(Bad):
                read(text)
