"""Messages as bytes: packets by case, edits, and mutations that must never hurt."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.edge.headers import Bad
from sipagent.edge.message import BadMessage, header, parse

PACKETS = Path(__file__).parents[1] / "packets"
ALL = {path.stem: path.read_bytes() for path in sorted(PACKETS.glob("*.bin"))}
GOOD = {name: data for name, data in ALL.items() if not name.startswith("bad_")}
WRONG = {name: data for name, data in ALL.items() if name.startswith("bad_")}
STATUS = {
    "bad_content_length_overlarge": 513,
    "bad_huge_header": 513,
    "bad_version": 505,
}


def test_there_are_packets() -> None:
    assert len(GOOD) > 10
    assert len(WRONG) > 20


@pytest.mark.parametrize("name", GOOD)
def test_what_was_not_touched_is_written_as_it_came(name: str) -> None:
    message = parse(GOOD[name])
    assert GOOD[name].startswith(bytes(message))
    assert message.from_.tag
    assert message.via.transport == "UDP"
    assert message.body == b"v=0\r\n"


@pytest.mark.parametrize("name", WRONG)
def test_what_would_break_routing_is_refused(name: str) -> None:
    with pytest.raises(Bad) as caught:
        parse(WRONG[name])
    assert caught.value.status == STATUS.get(name, 400)


@pytest.mark.rfc("3261", "folded lines, odd spacing and compact names are understood (7.3.1)")
def test_odd_spacing_is_understood() -> None:
    message = parse(GOOD["wsinv"])
    assert message.from_.tag == b"98asjd8"
    assert message.from_.display == b'J \\\\\\"'
    assert message.to.tag == b"1918181833n"
    assert message.cseq == (9, b"INVITE")
    assert [v.partition(b";")[0].split()[-1] for v in message.values(b"via")] == [
        b"192.0.2.2",
        b"spindle.example.com",
        b"192.168.255.111",
    ]
    assert message.get(b"subject") == b""
    assert int(message.text(b"max-forwards")) == 68


def test_a_tag_inside_a_display_name_is_no_tag() -> None:
    assert parse(GOOD["escaped_quotes_and_commas"]).from_.tag == b"a1"


@pytest.mark.rfc("3261", "bytes behind Content-Length in a datagram are dropped (18.3)")
def test_bytes_behind_the_body_are_dropped() -> None:
    assert b"second" not in bytes(parse(GOOD["double_request_in_one_datagram"]))


def test_a_wrong_message_can_be_answered_when_its_headers_can_be_told_apart() -> None:
    for name in ("bad_content_length_negative", "bad_two_call_ids", "bad_version", "bad_nul"):
        with pytest.raises(BadMessage) as caught:
            parse(WRONG[name])
        assert caught.value.message.via.host == "192.0.2.50"
        assert caught.value.message.is_request


def test_an_edit_changes_one_line() -> None:
    message = parse(GOOD["many_vias"])
    before = bytes(message).split(b"\r\n")
    message.replace(b"max-forwards", header(b"Max-Forwards", b"69"))
    after = bytes(message).split(b"\r\n")
    changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert changed == [(b"Max-Forwards: 70", b"Max-Forwards: 69")]


def test_only_the_top_via_is_taken_from_a_list() -> None:
    message = parse(GOOD["wsinv"])
    message.pop_via()
    message.pop_via()
    assert message.via.host == "192.168.255.111"
    message.replace_top_via(b"SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx")
    message.pop_via()
    assert message.get(b"via") is None


_BITS = st.binary(max_size=6) | st.sampled_from(
    [
        b"\r\n",
        b"\r",
        b"\n",
        b"\0",
        b'"',
        b"<",
        b">",
        b";",
        b",",
        b":",
        b" ",
        b"\\",
        b"-1",
        b"@",
        b"[",
    ]
)


@given(st.data())
def test_no_mutation_of_a_packet_raises_anything_but_bad(data: st.DataObject) -> None:
    packet = data.draw(st.sampled_from([p for p in ALL.values() if len(p) < 4000]))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(packet)))
        length = data.draw(st.integers(0, 20))
        packet = packet[:place] + data.draw(_BITS) + packet[place + length :]
    try:
        message = parse(packet)
    except Bad:
        return
    assert packet.startswith(bytes(message)[: len(message.start)])
    again = parse(bytes(message))
    assert [h[:2] for h in again.headers] == [h[:2] for h in message.headers]
    for value in (message.via, message.from_, message.to, message.cseq):
        assert value


@given(st.binary(max_size=300))
def test_noise_is_bad(noise: bytes) -> None:
    with pytest.raises(Bad):
        parse(noise + b"\r\n\r\n")


def test_packets_differ() -> None:
    assert all(a != b for a, b in itertools.combinations(ALL.values(), 2))
