"""TCP on the public side: framing, keep-alives, bounds."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from sipagent.config import Listener, Settings, Sip
from sipagent.edge.timers import Timers

Line = Any


@pytest.mark.rfc("3261", "messages are cut out of a stream by Content-Length (18.3)")
async def test_messages_are_cut_out_of_a_stream(line: Line) -> None:
    phone = await line.tcp_phone()
    two = phone.request("OPTIONS", line.uri("x"), body="v=0") + phone.request(
        "OPTIONS", line.uri("y")
    )
    for index in range(0, len(two), 7):
        phone.send(two[index : index + 7])
        await asyncio.sleep(0)
    assert b"x@" in (await phone.get(200)).text(b"to")
    assert b"y@" in (await phone.get(200)).text(b"to")


@pytest.mark.rfc("5626", "CRLF keep-alives on a connection are answered (3.5.1)")
async def test_a_ping_gets_its_pong(line: Line) -> None:
    phone = await line.tcp_phone()
    phone.send(b"\r\n\r\n")
    assert await phone.raw() == b"\r\n"
    phone.send(b"\r\n" + phone.request("OPTIONS", line.uri("x")))
    await phone.get(200)


@pytest.mark.rfc("3261", "a call over TCP keeps to its connection (18)")
async def test_a_call_over_tcp_stays_on_its_connection(line: Line) -> None:
    phone = await line.tcp_phone()
    token, worker = await line.worker()
    contact = "Contact: <sip:alice@192.0.2.77:9>"
    phone.send(phone.request("INVITE", line.uri("100"), call_id="t@c", contact=contact))
    got = await worker.get("INVITE")
    line.answer(worker, token, got)
    host, port = line.tcp
    answer = await phone.get(200)
    assert answer.text(b"contact") == f"<sip:w.{token}@{host}:{port};transport=tcp>".encode()
    route = f"Route: {got.values(b'record-route')[0].decode()}"
    bye = worker.request(
        "BYE",
        "sip:alice@192.0.2.77:9",
        call_id="t@c",
        from_tag="wtag",
        to_tag="caller",
        extra=(route,),
    )
    worker.send(bye, line.edge.internal_address)
    assert (await phone.get("BYE")).via.transport == "TCP"


@pytest.mark.parametrize(
    ("lengths", "status"),
    [
        (b"Content-Length: -1", 400),
        (b"Content-Length: 99999999", 513),
        (b"Content-Length: 9999999999999", 400),
    ],
)
@pytest.mark.rfc("3261", "a stream whose framing is lost is answered and closed")
async def test_framing_that_cannot_be_trusted_is_answered_and_the_connection_ends(
    line: Line, lengths: bytes, status: int
) -> None:
    phone = await line.tcp_phone()
    request = phone.request("OPTIONS", line.uri("x")).replace(b"Content-Length: 0", lengths)
    phone.send(request)
    await phone.get(status)
    await asyncio.wait_for(phone.ended.wait(), 5)


async def test_headers_without_end_are_cut_off(line: Line) -> None:
    phone = await line.tcp_phone()
    phone.send(b"OPTIONS sip:x SIP/2.0\r\n" + b"X: y\r\n" * 10_000)
    await asyncio.wait_for(phone.ended.wait(), 5)


async def test_idle_and_half_said_connections_are_closed(
    lines: Callable[..., Awaitable[Line]],
) -> None:
    line = await lines(timers=replace(Timers(), idle=0.3, whole=0.1, sweep=0.02))
    half, idle = await line.tcp_phone(), await line.tcp_phone()
    half.send(b"OPTIONS sip:")
    await asyncio.wait_for(half.ended.wait(), 5)
    await asyncio.wait_for(idle.ended.wait(), 5)


async def test_many_sockets_answer_each_by_itself(
    lines: Callable[..., Awaitable[Line]],
) -> None:
    listen = tuple(Listener(port=0, host=f"127.0.0.{n}") for n in (1, 1, 2))
    line = await lines(Settings(sip=Sip(listen=listen)))
    for _, address in line.edge.bound:
        phone = await line.phone(address[0])
        phone.send(phone.request("OPTIONS", line.uri("x")), address)
        await phone.get(200)
    assert line.edge.public_address == line.edge.bound[0][1]


async def test_the_public_address_is_what_the_settings_say(
    lines: Callable[..., Awaitable[Line]],
) -> None:
    for said, host in (
        ("sip.example.com:5070", "sip.example.com"),
        ("[2001:db8::1]:5070", "2001:db8::1"),
    ):
        line = await lines(Settings(sip=Sip(listen=(Listener(port=0),), public_address=said)))
        assert line.edge.public_address == (host, 5070)
    line = await lines(Settings(sip=Sip(listen=(Listener(port=0),), public_address="192.0.2.1")))
    assert line.edge.public_address == ("192.0.2.1", line.edge.bound[0][1][1])


async def test_a_port_in_use_is_an_error_at_start(
    line: Line, lines: Callable[..., Awaitable[Line]]
) -> None:
    taken = Settings(sip=Sip(listen=(Listener(port=0), Listener(port=line.public[1]))))
    with pytest.raises(OSError, match="in use"):
        await lines(taken)
