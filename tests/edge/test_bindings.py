"""The binding table: whatever REGISTERs come, it keeps the rules of RFC 3261 section 10.3."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.edge.bindings import Bindings, Contact, Origin, OutOfOrder, same_address
from sipagent.edge.headers import parse_uri
from sipagent.edge.listeners import Peer

ROOM = 3
NAMES = ("201", "202")
#: the first two are one address, written in two ways; so are the last two but for a parameter
URIS = (
    b"sip:a@10.0.0.1",
    b"sip:%61@10.0.0.1",
    b"sip:a@10.0.0.1:5060",
    b"sip:a@10.0.0.1;transport=tcp",
    b"sip:b@10.0.0.1",
    b"sip:c@10.0.0.1;ob",
    b"sip:c@10.0.0.1;OB",
)
PEER = Peer(1, "10.0.0.1", 5060)


def contact(uri: bytes = URIS[0], seconds: int = 60, q: int = 1000) -> Contact:
    return Contact(uri, PEER, seconds, q)


contact_lists = st.lists(
    st.builds(
        contact, st.sampled_from(URIS), st.sampled_from((0, 10, 60)), st.sampled_from((0, 500))
    ),
    max_size=5,
)
#: name, contacts (None is `*`), Call-ID, CSeq, seconds since the last
registers = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.none() | contact_lists,
        st.sampled_from((b"one", b"two")),
        st.integers(1, 8),
        st.sampled_from((0.0, 5.0, 30.0)),
    ),
    max_size=40,
)


@given(registers)
def test_any_sequence_of_registers_leaves_a_sound_table(
    sequence: list[tuple[str, list[Contact] | None, bytes, int, float]],
) -> None:
    table, now = Bindings(ROOM), 0.0
    for name, contacts, call_id, cseq, passed in sequence:
        now += passed
        before = {n: table.of(n, now) for n in NAMES}
        origin = Origin(call_id, cseq)
        try:
            if contacts is None:
                changes = table.clear(name, origin, now)
            else:
                changes = table.update(name, contacts, origin, now)
        except OutOfOrder:
            assert {n: table.of(n, now) for n in NAMES} == before
            mine = [b.origin.cseq for b in before[name] if b.origin.call_id == call_id]
            assert max(mine) >= cseq
            continue
        after = table.of(name, now)
        assert len(after) <= ROOM
        assert all(b.until > now for b in after)
        assert [b.contact.q for b in after] == sorted((b.contact.q for b in after), reverse=True)
        for one, other in combinations(after, 2):
            assert not same_address(parse_uri(one.contact.uri), parse_uri(other.contact.uri))
        for binding in after:  # nothing but what was there and what was asked for
            assert binding in before[name] or binding.origin == origin
        for binding in before[name]:  # of one Call-ID only the newer counts
            if binding.origin.call_id == call_id and binding not in after:
                overtaken = cseq > binding.origin.cseq
                assert overtaken or len(before[name]) + len(contacts or ()) > ROOM
        assert contacts is not None or after == ()
        assert len(changes.added) <= ROOM
        others = [n for n in NAMES if n != name]
        assert all(table.of(n, now) == before[n] for n in others)
    table.expire(now + 61)
    assert len(table) == 0


def test_an_order_holds_within_one_call_id_only() -> None:
    table = Bindings(ROOM)
    table.update("201", [contact()], Origin(b"one", 5), 0.0)
    with pytest.raises(OutOfOrder):
        table.update("201", [contact(seconds=0)], Origin(b"one", 5), 1.0)
    with pytest.raises(OutOfOrder):
        table.clear("201", Origin(b"one", 4), 1.0)
    changes = table.update("201", [contact(seconds=0)], Origin(b"two", 1), 1.0)
    assert len(changes.removed) == 1
    assert len(table) == 0


def test_what_has_run_out_is_no_obstacle() -> None:
    table = Bindings(ROOM)
    table.update("201", [contact(seconds=10)], Origin(b"one", 5), 0.0)
    assert table.of("201", 10.0) == ()
    table.update("201", [contact()], Origin(b"one", 1), 10.0)
    assert [name for name, _ in table.expire(70.0)] == ["201"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [  # RFC 3261 section 19.1.4
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp", True),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", True),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", True),
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", False),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", False),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", False),
        ("sip:carol@chicago.com", "sips:carol@chicago.com", False),
    ],
)
@pytest.mark.rfc("3261", "URIs are compared as section 19.1.4 says")
def test_addresses_are_compared_as_the_rfc_says(one: str, other: str, same: bool) -> None:
    first, second = parse_uri(one.encode()), parse_uri(other.encode())
    assert same_address(first, second) is same
    assert same_address(second, first) is same
