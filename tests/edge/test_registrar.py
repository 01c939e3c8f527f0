"""Phones of our own make themselves known, and only themselves."""

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Network
from typing import Any

import pytest
from pydantic import SecretStr

from sipagent.config import Listener, Phone, Registrar, Settings, Sip
from sipagent.edge.message import Message
from sipagent.edge.timers import Timers
from sipagent.testing.registering import Registering

Line = Any
Lines = Callable[..., Awaitable[Line]]
SIP = Sip(
    listen=(Listener(port=0), Listener(transport="tcp", port=0)),
    guests=(IPv4Network("127.0.0.0/8"),),
)
PHONES = {name: Phone(password=SecretStr("s3cret")) for name in ("201", "202")}


@pytest.fixture
async def line(lines: Lines) -> Line:
    return await lines(Settings(sip=SIP, phones=PHONES, registrar=Registrar(contacts=3)))


async def desk_phone(line: Line, extension: str = "201", **more: Any) -> Registering:
    peer = await line.phone()
    return Registering(peer, lambda data: line.send(peer, data), line.uri(extension), **more)


def held(line: Line) -> list[str]:
    return [registration.contact for registration in line.edge.bindings]


def contacts(answer: Message) -> list[str]:
    return [value.decode() for value in answer.values(b"contact")]


@pytest.mark.rfc("3261", "a registrar: register, refresh, query, leave (10.3)")
async def test_a_phone_registers_refreshes_and_leaves(line: Line) -> None:
    phone = await desk_phone(line)
    first = await phone.register(phone.contact(), extra=("Expires: 600",))
    assert first.status == 200
    assert contacts(first) == [phone.contact(";expires=600")]
    assert first.get(b"date") is not None
    again = await phone.register(phone.contact(";expires=900"), extra=("Expires: 600",))
    assert contacts(again) == [phone.contact(";expires=900")]
    (registration,) = line.edge.bindings
    assert (registration.extension, registration.transport) == ("201", "udp")
    assert registration.source == phone.peer.local
    assert 890 <= registration.seconds <= 900
    gone = await phone.register(phone.contact(";expires=0"))
    assert (gone.status, contacts(gone), held(line)) == (200, [], [])
    assert line.edge.counters.registered == 3


@pytest.mark.rfc("3261", "REGISTER is challenged (22)")
async def test_even_a_guest_proves_who_it_is(line: Line) -> None:
    peer = await line.phone()
    line.send(peer, peer.request("REGISTER", line.uri("201")))
    challenge = await peer.get(401)
    assert len(challenge.values(b"www-authenticate")) > 0
    assert held(line) == []


@pytest.mark.parametrize(
    ("extension", "credentials"),
    [
        ("201", {"password": "guess"}),
        ("209", {}),
        ("201", {"user": "209"}),
        ("202", {"user": "201"}),
    ],
)
@pytest.mark.rfc("3261", "nobody registers another's address (10.3)")
async def test_nobody_else_registers_a_phone(
    line: Line, extension: str, credentials: dict[str, str]
) -> None:
    phone = await desk_phone(line, extension, **credentials)
    assert (await phone.register(phone.contact())).status == 403
    assert held(line) == []
    assert line.edge.counters.register_refused == 1


@pytest.mark.rfc("7616", "a nonce count serves once")
async def test_credentials_that_were_used_are_asked_for_anew(line: Line) -> None:
    phone = await desk_phone(line)
    await phone.register(phone.contact())
    caught = phone.sent.replace(b"branch=z9hG4bK", b"branch=z9hG4bKreplayed")
    thief = await line.phone()
    line.send(thief, caught)
    assert b"stale=true" in (await thief.get(401)).text(b"www-authenticate")
    assert len(held(line)) == 1
    assert line.edge.bindings[0].source == phone.peer.local


@pytest.mark.rfc("3261", "a retransmitted REGISTER is done once")
async def test_a_register_that_comes_twice_is_answered_twice_and_done_once(line: Line) -> None:
    phone = await desk_phone(line)
    first = await phone.register(phone.contact())
    line.send(phone.peer, phone.sent)
    second = await phone.peer.get(200)
    assert bytes(second) == bytes(first)
    assert line.edge.counters.registered == 1


@pytest.mark.rfc("3261", "several contacts for one address")
async def test_a_phone_is_known_at_several_places_up_to_a_bound(line: Line) -> None:
    phones = [await desk_phone(line) for _ in range(4)]
    for number, phone in enumerate(phones):
        assert (await phone.register(phone.contact(f";q=0.{number}"))).status == 200
    asked = await phones[0].register()
    expected = [phone.contact(f";expires=3600;q=0.{n}00") for n, phone in enumerate(phones)]
    assert contacts(asked) == expected[:0:-1]  # the least recently refreshed had to go
    assert len(held(line)) == 3


@pytest.mark.rfc("3261", "a REGISTER is done whole or not at all (10.3)")
async def test_several_contacts_of_one_register_are_taken_or_left_together(line: Line) -> None:
    phone = await desk_phone(line)
    two = [phone.contact(), "<sip:201@10.0.0.9:5070>;q=0.5"]
    assert len(contacts(await phone.register(*two))) == 2
    refused = await phone.register("<sip:201@10.0.0.8>", phone.contact(";expires=5"))
    assert refused.status == 423
    assert len(held(line)) == 2


@pytest.mark.rfc("3261", "Contact: * with Expires: 0 removes all bindings")
async def test_a_star_removes_everything(line: Line) -> None:
    one, other = await desk_phone(line), await desk_phone(line)
    await one.register(one.contact())
    await other.register(other.contact())
    assert (await one.register("*", extra=("Expires: 0",))).status == 200
    assert held(line) == []


@pytest.mark.parametrize(
    ("given", "extra"),
    [
        (("*",), ()),
        (("*",), ("Expires: 60",)),
        (("*", "<sip:201@10.0.0.9>"), ("Expires: 0",)),
        (("<tel:201>",), ()),
        (("<sip:201@10.0.0.9>;q=2",), ()),
        (("<sip:201@10.0.0.9",), ()),
        (("<sip:201@10.0.0.9>",), ("Path: <tel:1>",)),
        (tuple(f"<sip:201@10.0.0.9:{port}>" for port in range(6000, 6021)), ()),
        ((f"<sip:{'2' * 600}@10.0.0.9>",), ()),
    ],
)
async def test_what_cannot_be_a_contact_changes_nothing(
    line: Line, given: tuple[str, ...], extra: tuple[str, ...]
) -> None:
    phone = await desk_phone(line)
    await phone.register(phone.contact())
    before = held(line)
    assert (await phone.register(*given, extra=extra)).status in (400, 416)
    assert held(line) == before


async def test_our_own_address_is_no_phone(line: Line) -> None:
    phone = await desk_phone(line)
    host, port = line.public
    assert (await phone.register(f"<sip:201@{host}:{port}>")).status == 400
    assert held(line) == []


@pytest.mark.parametrize(("wish", "status"), [("59", 423), ("60", 200), ("0", 200)])
@pytest.mark.rfc("3261", "423 with Min-Expires")
async def test_an_interval_too_brief_is_refused_with_the_least(
    line: Line, wish: str, status: int
) -> None:
    phone = await desk_phone(line)
    answer = await phone.register(phone.contact(), extra=(f"Expires: {wish}",))
    assert answer.status == status
    assert (answer.get(b"min-expires") == b"60") == (status == 423)


@pytest.mark.parametrize("wish", ["99999999999", "4000000000", "soon", "7200"])
async def test_no_interval_is_longer_than_ours(line: Line, wish: str) -> None:
    phone = await desk_phone(line)
    answer = await phone.register(phone.contact(), extra=(f"Expires: {wish}",))
    assert contacts(answer) == [phone.contact(";expires=3600")]


@pytest.mark.rfc("3261", "a REGISTER out of order is refused (10.3 step 7)")
async def test_a_register_overtaken_by_a_newer_one_is_refused(line: Line) -> None:
    phone = await desk_phone(line)
    await phone.register(phone.contact(), cseq=10)
    assert (await phone.register(phone.contact(";expires=0"), cseq=9)).status == 500
    assert (await phone.register("*", extra=("Expires: 0",), cseq=10)).status == 500
    assert len(held(line)) == 1
    # the same phone, started anew
    fresh = await phone.register(phone.contact(), cseq=1, call_id="other@test")
    assert fresh.status == 200
    assert len(held(line)) == 1


@pytest.mark.rfc("3261", "a binding ends when it is not refreshed")
async def test_a_binding_runs_out(lines: Lines) -> None:
    settings = Settings(sip=SIP, phones=PHONES, registrar=Registrar(min_expires=1))
    line = await lines(settings, Timers(sweep=0.02))
    phone = await desk_phone(line)
    await phone.register(phone.contact(";expires=1"))
    assert len(held(line)) == 1
    async with asyncio.timeout(10):
        while held(line):
            await asyncio.sleep(0.02)
    assert contacts(await phone.register()) == []


async def test_a_phone_on_a_connection_must_speak_before_it_is_closed(line: Line) -> None:
    peer = await line.tcp_phone()
    phone = Registering(peer, peer.send, line.uri("201"))
    answer = await phone.register(phone.contact())
    assert contacts(answer) == [phone.contact(";expires=600")]
    assert line.edge.bindings[0].transport == "tcp"


@pytest.mark.rfc("5626", "instance and reg-id: one binding for each flow")
async def test_a_phone_that_numbers_its_flows_has_one_binding_for_each(line: Line) -> None:
    instance = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"'
    phone = await desk_phone(line)
    await phone.register(phone.contact(f";{instance};reg-id=1"))
    moved = await phone.register(f"<sip:201@10.0.0.9:6000>;{instance};reg-id=1")
    assert contacts(moved) == [f"<sip:201@10.0.0.9:6000>;expires=3600;{instance};reg-id=1"]
    await phone.register(phone.contact(f";{instance};reg-id=2"))
    assert len(held(line)) == 2


@pytest.mark.rfc("3327", "Path is kept and given back")
async def test_a_path_is_given_back_to_a_phone_that_knows_of_paths(line: Line) -> None:
    phone = await desk_phone(line)
    path = "Path: <sip:proxy.example;lr>"
    knows = await phone.register(phone.contact(), extra=(path, "Supported: path"))
    assert knows.values(b"path") == [b"<sip:proxy.example;lr>"]
    does_not = await phone.register(phone.contact(), extra=(path,))
    assert does_not.values(b"path") == []


@pytest.mark.rfc("3261", "a REGISTER that requires what we have not gets 420")
async def test_what_a_register_may_require_is_path(line: Line) -> None:
    phone = await desk_phone(line)
    assert (await phone.register(phone.contact(), extra=("Require: path",))).status == 200
    refused = await phone.register(phone.contact(), extra=("Require: gruu, path",))
    assert (refused.status, refused.text(b"unsupported")) == (420, b"gruu")


async def test_where_there_are_no_phones_nothing_registers(lines: Lines) -> None:
    line = await lines(Settings(sip=SIP))
    phone = await desk_phone(line)
    assert (await phone.register(phone.contact())).status == 405
