"""Where a URI leads: RFC 3263 against a name service of our own."""

import random
from collections import Counter

import pytest

from sipagent.edge.headers import parse_uri
from sipagent.edge.names import Dns, Hop, NameFailed, Srv, by_weight, locate
from sipagent.testing.nameserver import NameServer, Zone

ZONE: Zone = {
    ("naptr.example", "NAPTR"): [
        '20 50 "s" "SIP+D2U" "" _sip._udp.naptr.example.',
        '10 50 "s" "SIP+D2T" "" _tcp.elsewhere.example.',
        '5 50 "s" "SIPS+D2T" "" _sips._tcp.naptr.example.',
        '1 50 "u" "E2U+sip" "!^.*$!sip:info@naptr.example!" .',
    ],
    ("_sip._udp.naptr.example", "SRV"): ["0 0 5070 one.example."],
    ("_tcp.elsewhere.example", "SRV"): ["0 0 5080 two.example."],
    ("_sip._udp.srv.example", "SRV"): [
        "20 0 5062 two.example.",
        "10 0 5061 one.example.",
        "10 0 5061 gone.example.",
    ],
    ("_sip._tcp.srv.example", "SRV"): ["0 0 5063 one.example."],
    ("_sip._udp.closed.example", "SRV"): ["0 0 0 ."],
    ("closed.example", "A"): ["127.0.0.7"],
    ("_sip._udp.lost.example", "SRV"): ["0 0 5060 gone.example."],
    ("plain.example", "A"): ["127.0.0.9"],
    ("plain.example", "AAAA"): ["::1"],
    ("one.example", "A"): ["127.0.0.1"],
    ("two.example", "A"): ["127.0.0.2"],
}


async def places(uri: str) -> list[Hop]:
    async with NameServer(ZONE) as server:
        names = Dns([server.place], patience=1.0)
        return await locate(parse_uri(uri.encode()), names, ("udp", "tcp"), random.Random(1))


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("sip:192.0.2.1", [Hop("udp", "192.0.2.1", 5060)]),
        ("sip:192.0.2.1:5070;transport=tcp", [Hop("tcp", "192.0.2.1", 5070)]),
        ("sip:[2001:db8::1]", [Hop("udp", "2001:db8::1", 5060)]),
        (
            "sip:bob@naptr.example",
            [
                Hop("tcp", "127.0.0.2", 5080),
                Hop("udp", "127.0.0.1", 5070),
            ],
        ),
        ("sip:bob@naptr.example;transport=udp", [Hop("udp", "127.0.0.1", 5070)]),
        (
            "sip:bob@srv.example",
            [
                Hop("udp", "127.0.0.1", 5061),
                Hop("udp", "127.0.0.2", 5062),
                Hop("tcp", "127.0.0.1", 5063),
            ],
        ),
        ("sip:bob@srv.example;transport=tcp", [Hop("tcp", "127.0.0.1", 5063)]),
        ("sip:bob@closed.example", [Hop("udp", "127.0.0.7", 5060)]),
        (
            "sip:bob@plain.example",
            [Hop("udp", host, 5060) for host in ("127.0.0.9", "::1")],
        ),
        ("sip:bob@one.example:5099", [Hop("udp", "127.0.0.1", 5099)]),
    ],
)
@pytest.mark.rfc("3263", "NAPTR, SRV and address records lead to transport, host and port")
async def test_a_uri_leads_where_rfc_3263_says(uri: str, found: list[Hop]) -> None:
    assert await places(uri) == found


@pytest.mark.parametrize("uri", ["sip:bob@nowhere.example", "sip:bob@lost.example"])
async def test_a_name_without_an_address_says_so(uri: str) -> None:
    with pytest.raises(NameFailed, match="no such name"):
        await places(uri)


@pytest.mark.rfc("3263", "a port in the URI asks for no SRV records")
async def test_a_port_asks_for_no_service_records() -> None:
    async with NameServer(ZONE) as server:
        names = Dns([server.place])
        await locate(parse_uri(b"sip:one.example:5070"), names, ("udp", "tcp"), random.Random(1))
        assert {kind for _, kind in server.asked} == {"A", "AAAA"}


async def test_a_silent_name_service_is_a_failure_within_its_patience() -> None:
    async with NameServer(ZONE) as server:
        server.silent = True
        names = Dns([server.place], patience=0.2)
        with pytest.raises(NameFailed):
            await locate(parse_uri(b"sip:srv.example"), names, ("udp",), random.Random(1))


async def test_the_system_knows_names_no_dns_does() -> None:
    found = await Dns().addresses("localhost")
    assert {"127.0.0.1", "::1"} & set(found)


@pytest.mark.rfc("3263", "SRV priority and weight are kept")
def test_priority_comes_first_and_weight_is_a_share() -> None:
    records = [Srv(1, 80, 1, "often"), Srv(1, 20, 1, "seldom"), Srv(0, 0, 1, "always")]
    chance = random.Random(7)
    first = Counter(by_weight(records, chance)[1].target for _ in range(2000))
    assert all(by_weight(records, chance)[0].target == "always" for _ in range(20))
    assert 0.72 < first["often"] / 2000 < 0.88
    assert sorted(by_weight(records, chance)) == sorted(records)
