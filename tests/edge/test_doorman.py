"""The doorman: rates, bans, silence and connections by source, and nothing of it for trunks."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import pytest
from pydantic import SecretStr

from sipagent.config import Bans as Limits
from sipagent.config import Connections, Guard, Listener, Phone, Settings, Sip, Trunk
from sipagent.edge.counters import Counters
from sipagent.edge.door.bans import ROOM, Bans
from sipagent.edge.door.doorman import Doorman
from sipagent.edge.door.sources import Known, source_of
from sipagent.edge.listeners import LOOP, Peer
from sipagent.edge.message import Message, parse
from sipagent.edge.timers import Timers
from sipagent.testing.digest import authorization
from sipagent.testing.frontdoor import PATIENCE, TcpPeer, UdpPeer

Line = Any
Lines = Callable[..., Awaitable[Line]]
LISTEN = (Listener(port=0), Listener(transport="tcp", port=0))
#: nobody on loopback is a guest
NOBODY = (IPv4Network("192.0.2.0/24"),)
TRUSTED, STRANGER = "127.0.0.9", "127.0.0.66"
TRUNK = Trunk(host="carrier.example", addresses=(IPv4Network(f"{TRUSTED}/32"),))
PHONES = {"201": Phone(password=SecretStr("s3cret"))}


def settings(guard: Guard | None = None) -> Settings:
    sip = Sip(listen=LISTEN, guests=NOBODY)
    return Settings(sip=sip, trunks={"carrier": TRUNK}, phones=PHONES, guard=guard or Guard())


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


def doorman(clock: Clock, guard: Guard | None = None) -> Doorman:
    return Doorman(settings(guard), Counters(), clock, clock)


def stranger(host: str = "198.51.100.1") -> Peer:
    return Peer(1, host, 5060)


def request(method: str = "INVITE", uri: str = "sip:100@x", *extra: str) -> Message:
    return parse(UdpPeer(("198.51.100.1", 5060), "UDP").request(method, uri, extra=extra))


def test_a_source_is_an_ipv4_address_or_an_ipv6_subscriber() -> None:
    assert source_of("198.51.100.7") == source_of("::ffff:198.51.100.7") == "198.51.100.7"
    assert source_of("2001:db8:1:2:3::4") == source_of("2001:db8:1:2:ffff::") == "2001:db8:1:2::/64"
    assert source_of("2001:db8:1:3::1") != source_of("2001:db8:1:2::1")
    assert source_of("fe80::1%eth0") == "fe80::/64"


def test_trust_goes_by_network_of_either_family() -> None:
    known = Known([IPv4Network("198.51.100.0/24"), IPv6Network("2001:db8::/32")])
    inside = ["198.51.100.200", "::ffff:198.51.100.1", "2001:db8:ffff::1"]
    outside = ["198.51.101.1", "2001:db9::1", "::1", "0.0.0.0"]
    assert [host in known for host in inside] == [True] * 3
    assert [host in known for host in outside] == [False] * 4


def test_a_source_may_speak_in_a_burst_and_then_at_its_rate(clock: Clock) -> None:
    door = doorman(clock, Guard(messages_per_second=10))
    assert [door.hears(stranger()) for _ in range(31)] == [True] * 30 + [False]
    clock.time += 0.5
    assert [door.hears(stranger()) for _ in range(6)] == [True] * 5 + [False]
    assert door.hears(stranger("198.51.100.2"))


def test_each_method_has_a_rate_of_its_own(clock: Clock) -> None:
    door = doorman(clock, Guard(methods_per_second={"INVITE": 1, "MESSAGE": 1}))
    invite, bye = request(), request("BYE")
    assert [door.takes(invite, stranger()) for _ in range(4)] == [True] * 3 + [False]
    assert door.takes(request("MESSAGE"), stranger())
    assert all(door.takes(bye, stranger()) for _ in range(20))


def test_all_strangers_together_are_bounded_whatever_addresses_they_forge(clock: Clock) -> None:
    door = doorman(clock, Guard(strangers_per_second=100))
    heard = [door.hears(stranger(f"10.0.{n >> 8}.{n & 255}")) for n in range(1000)]
    assert sum(heard) == 100
    assert door.hears(stranger(TRUSTED))
    assert door.hears(Peer(LOOP, "198.51.100.1", 5060))


def test_a_hundred_thousand_sources_leave_no_more_behind_than_ten_thousand(clock: Clock) -> None:
    door = doorman(clock)
    invite, sizes = request(), []
    for number in range(100_000):
        clock.time += 0.002
        peer = stranger(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
        if door.hears(peer) and door.takes(invite, peer):
            door.refused(invite, peer, 401)
        if number in (50_000, 99_999):
            sizes.append(door.remembered)
    assert sizes[0] == sizes[1] < 30_000


def test_bans_are_bounded_too(clock: Clock) -> None:
    bans = Bans()
    for number in range(ROOM + 500):
        bans.add(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", "x", 60, clock())
    assert len(bans) == ROOM


@pytest.mark.parametrize(
    "says",
    [
        "User-Agent: friendly-scanner",
        "User-Agent: SIPVicious 0.3",
        'From: "sipvicious"<sip:100@1.1.1.1>;tag=1',
    ],
)
def test_a_scanner_is_banned_at_its_first_word(clock: Clock, says: str) -> None:
    door = doorman(clock)
    told = request().headers
    name = says.partition(":")[0].lower().encode()
    line = parse(b"\r\n".join([b"INVITE sip:1@x SIP/2.0", *(h.line for h in told if h.key != name),
                               says.encode(), b"", b""]))  # fmt: skip
    assert not door.takes(line, stranger())
    assert not door.hears(stranger())
    assert door.hears(stranger("198.51.100.2"))
    assert door.takes(line, stranger(TRUSTED))


def test_a_ban_ends_and_the_next_is_longer(clock: Clock) -> None:
    door = doorman(clock, Guard(bans=Limits(seconds=100)))
    for lasts in (100, 200, 400):
        door.ban("198.51.100.1", "again")
        clock.time += lasts - 1
        assert not door.hears(stranger())
        clock.time += 2
        assert door.hears(stranger())
    clock.time += 1000
    door.sweep()
    assert len(door.bans) == 0


def test_a_flood_is_banned_but_never_in_the_name_of_an_acquaintance(clock: Clock) -> None:
    door = doorman(clock, Guard(messages_per_second=1, bans=Limits(flood=20)))
    door.spoken_to("198.51.100.2")
    for _ in range(100):
        door.hears(stranger())
        door.hears(stranger("198.51.100.2"))
    assert door.banned("198.51.100.1")
    assert not door.banned("198.51.100.2")


def test_who_asks_for_many_extensions_is_banned_and_who_asks_for_one_is_not(clock: Clock) -> None:
    door = doorman(clock, Guard(bans=Limits(extensions=10)))
    for number in range(9):
        door.refused(request(uri=f"sip:{number}@x"), stranger(), 404)
        door.refused(request(uri="sip:100@x"), stranger("198.51.100.2"), 401)
    assert not door.banned("198.51.100.1")
    door.refused(request("REGISTER", "sip:x"), stranger(), 401)
    door.refused(request(uri="sip:9@x"), stranger(), 404)
    assert door.banned("198.51.100.1")
    assert not door.banned("198.51.100.2")


def test_an_office_of_phones_behind_one_address_is_not_banned_for_its_challenges(
    clock: Clock,
) -> None:
    door = doorman(clock, Guard(bans=Limits(extensions=10, refusals=10)))
    for number in range(40):
        door.refused(request("REGISTER", f"sip:{200 + number}@x"), stranger(), 401)
        door.proved(stranger())
    assert not door.banned("198.51.100.1")


def test_wrong_passwords_are_counted_within_a_minute_even_of_acquaintances(clock: Clock) -> None:
    door = doorman(clock, Guard(bans=Limits(failed_logins=3)))
    door.proved(stranger())
    for _ in range(2):
        door.failed_login(stranger())
    clock.time += 61
    for _ in range(2):
        door.failed_login(stranger())
    assert not door.banned("198.51.100.1")
    door.failed_login(stranger())
    assert door.banned("198.51.100.1")


def test_the_door_can_be_taken_off_its_hinges(clock: Clock) -> None:
    door = doorman(clock, Guard(enabled=False, messages_per_second=1))
    assert all(door.hears(stranger()) for _ in range(1000))
    assert all(door.opens("198.51.100.1") for _ in range(1000))


async def test_options_of_strangers_meet_silence_and_those_of_a_trunk_an_answer(
    lines: Lines,
) -> None:
    line = await lines(settings())
    stranger, trunk = await line.phone(STRANGER), await line.phone(TRUSTED)
    line.send(stranger, stranger.request("OPTIONS", line.uri("201")))
    line.send(trunk, trunk.request("OPTIONS", line.uri("201")))
    await trunk.get(200)
    assert stranger.silent()
    open_house = await lines(settings(Guard(answer_options=True)))
    open_house.send(stranger, stranger.request("OPTIONS", open_house.uri("201")))
    await stranger.get(200)


async def wrong_password(line: Line, phone: UdpPeer, number: int) -> bool:
    """Answer a fresh challenge wrongly; False when nobody answers any more."""
    uri, call_id = line.uri("201"), f"guess{number}@{phone.local[0]}"
    line.send(phone, phone.request("REGISTER", uri, call_id=call_id, user="201"))
    asked = await unless_banned(line, phone, 401)
    if asked is None:
        return False
    challenge = asked.text(b"www-authenticate").decode()
    proof = authorization(challenge, f"guess{number}", user="201", method="REGISTER", uri=uri)
    line.send(
        phone,
        phone.request("REGISTER", uri, call_id=call_id, cseq=2, user="201", extra=(proof,)),
    )
    return await unless_banned(line, phone, 403) is not None


async def unless_banned(line: Line, phone: UdpPeer, status: int) -> Message | None:
    """The answer; None where nobody answers because the door is shut to it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(TimeoutError):
                return await phone.get(status, 0.1)
            if any(ban.source == phone.local[0] for ban in line.edge.doorman.bans):
                return None


async def test_guessing_passwords_ends_in_silence_for_the_guesser_alone(lines: Lines) -> None:
    line = await lines(settings(Guard(bans=Limits(failed_logins=4))))
    guesser, phone = await line.phone(STRANGER), await line.phone("127.0.0.67")
    heard = [await wrong_password(line, guesser, number) for number in range(6)]
    # the last wrong one is banned and not told of it
    assert sum(heard) in (3, 4)
    assert not any(heard[4:])
    assert [ban.source for ban in line.edge.doorman.bans] == [STRANGER]
    line.send(phone, phone.request("REGISTER", line.uri("201"), user="201"))
    await phone.get(401)


async def test_credentials_that_answer_no_challenge_of_ours_ban_nobody(lines: Lines) -> None:
    """Anybody can send those in anybody's name."""
    line = await lines(settings(Guard(bans=Limits(failed_logins=2))))
    victim = await line.phone(STRANGER)
    for number in range(6):
        forged = authorization(
            'nonce="f.0.0"', "x", user="201", method="REGISTER", uri=line.uri("201")
        )
        line.send(
            victim, victim.request("REGISTER", line.uri("201"), cseq=number + 1, extra=(forged,))
        )
        await victim.get(403)
    assert not list(line.edge.doorman.bans)


async def test_a_banned_source_loses_its_connections_and_gets_no_new_one(lines: Lines) -> None:
    line = await lines(settings(Guard(bans=Limits(scanners=("evil",)))))
    peer = await TcpPeer.connect(line.tcp, STRANGER)
    peer.send(peer.request("REGISTER", line.uri("201"), extra=("User-Agent: evil",)))
    await asyncio.wait_for(peer.ended.wait(), 5)
    assert peer.silent()
    with suppress(OSError):
        again = await TcpPeer.connect(line.tcp, STRANGER)
        await asyncio.wait_for(again.ended.wait(), 5)
        await again.close()
    trunk = await TcpPeer.connect(line.tcp, TRUSTED)
    trunk.send(trunk.request("OPTIONS", line.uri("x"), extra=("User-Agent: evil",)))
    await trunk.get(200)
    await trunk.close()
    await peer.close()


async def is_closed(peer: TcpPeer, seconds: float) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(peer.ended.wait(), seconds)
    return peer.ended.is_set()


async def test_connections_are_capped_for_one_source_and_for_all_but_not_for_trunks(
    lines: Lines,
) -> None:
    guard = Guard(connections=Connections(of_one=2, in_all=3))
    line = await lines(settings(guard))
    hosts = [STRANGER] * 3 + ["127.0.0.67"] * 2 + [TRUSTED] * 4
    peers = [await TcpPeer.connect(line.tcp, host) for host in hosts]
    late = [PATIENCE if n in (2, 4) else 0.05 for n in range(len(peers))]
    closed = [await is_closed(peer, wait) for peer, wait in zip(peers, late, strict=True)]
    assert closed == [False, False, True, False, True, False, False, False, False]
    assert line.edge.counters.turned_away == 2
    await peers[0].close()
    async with asyncio.timeout(PATIENCE):
        while True:  # its place is free once its end was noticed
            again = await TcpPeer.connect(line.tcp, STRANGER)
            again.send(again.request("REGISTER", line.uri("201"), user="201"))
            with suppress(TimeoutError):
                await again.get(401, 0.2)
                break
            await again.close()
    for peer in (again, *peers):
        await peer.close()


async def test_a_connection_that_never_says_a_whole_message_is_closed(lines: Lines) -> None:
    """Slow senders: nothing at all, keep-alives only, a byte now and then."""
    timers = replace(Timers(), sweep=0.05)
    guard = Guard(connections=Connections(hello_seconds=0.5))
    line = await lines(settings(guard), timers)
    mute, pinging, slow = [await TcpPeer.connect(line.tcp, STRANGER) for _ in range(3)]
    spoke, trunk = (
        await TcpPeer.connect(line.tcp, STRANGER),
        await TcpPeer.connect(line.tcp, TRUSTED),
    )
    spoke.send(spoke.request("REGISTER", line.uri("201"), user="201"))
    await spoke.get(401)
    text = slow.request("REGISTER", line.uri("201"))
    async with asyncio.timeout(5):
        for place in range(len(text)):
            if all(peer.ended.is_set() for peer in (mute, pinging, slow)):
                break
            if not pinging.ended.is_set():
                pinging.send(b"\r\n\r\n")
            if not slow.ended.is_set():
                slow.send(text[place : place + 1])
            await asyncio.sleep(0.02)
    assert mute.ended.is_set()
    assert pinging.ended.is_set()
    assert slow.ended.is_set()
    assert not spoke.ended.is_set()
    assert not trunk.ended.is_set()
    for peer in (mute, pinging, slow, spoke, trunk):
        await peer.close()


@pytest.mark.parametrize(
    "extra", [tuple(f"X-{n}: y" for n in range(250)), ("X-Long: " + "y" * 9000,)]
)
async def test_too_many_headers_or_one_too_long_is_513(line: Line, extra: tuple[str, ...]) -> None:
    phone = await line.phone()
    line.send(phone, phone.request("OPTIONS", line.uri("x"), extra=extra))
    await phone.get(513)
