"""Transactions over a wire that loses what it is told to lose."""

import asyncio

import pytest

from sipagent.testing.sip.matching import Transactions
from sipagent.testing.sip.message import Request, Response, parse
from sipagent.testing.sip.transaction import (
    ClientTransaction,
    ServerTransaction,
    State,
    Timers,
)
from sipagent.testing.sip.transport import Address

TIMERS = Timers(t1=0.01, t2=0.04, t4=0.05)
PEER: Address = ("127.0.0.1", 5060)


def a_request(method: str, branch: str = "z9hG4bK1") -> Request:
    headers = (
        ("Via", f"SIP/2.0/UDP 127.0.0.1:5060;branch={branch};rport"),
        ("From", "<sip:a@h>;tag=1"),
        ("To", "<sip:b@h>"),
        ("Call-ID", "c"),
        ("CSeq", f"1 {method}"),
    )
    return Request(headers, method=method, uri="sip:b@h")


class Wire:
    """Two transaction layers; `lose` says how many of the next messages vanish."""

    def __init__(self) -> None:
        self.lose = 0
        self.sent: list[str] = []
        self.asked: list[ServerTransaction] = []
        self.acks: list[Request] = []
        self.ours = Transactions(lambda data, _: self._carry(data, self.theirs), TIMERS, self._none)
        self.theirs = Transactions(lambda data, _: self._carry(data, self.ours), TIMERS, self._new)

    def _carry(self, data: bytes, to: Transactions) -> None:
        message = parse(data)
        self.sent.append(message.start_line)
        if self.lose > 0:
            self.lose -= 1
            return
        asyncio.get_running_loop().call_soon(to.receive, message, PEER)

    def _new(self, request: Request, transaction: ServerTransaction | None) -> None:
        if transaction is None:
            self.acks.append(request)
        else:
            self.asked.append(transaction)

    def _none(self, request: Request, transaction: ServerTransaction | None) -> None:
        raise AssertionError("nobody asks us")

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


async def until(heard: "asyncio.Queue[Response]") -> Response:
    async with asyncio.timeout(5):
        return await heard.get()


async def test_a_lost_request_is_sent_again() -> None:
    wire, heard = Wire(), asyncio.Queue[Response]()
    wire.lose = 2
    wire.ours.request(a_request("OPTIONS"), PEER, heard.put_nowait)
    async with asyncio.timeout(5):
        while not wire.asked:
            await asyncio.sleep(0.005)
    wire.asked[0].respond(wire.asked[0].request.reply(200))
    assert (await until(heard)).status == 200
    assert wire.sent.count("OPTIONS sip:b@h SIP/2.0") >= 3
    wire.close()


async def test_a_lost_response_is_sent_again_without_asking_twice() -> None:
    wire, heard = Wire(), asyncio.Queue[Response]()
    wire.ours.request(a_request("OPTIONS"), PEER, heard.put_nowait)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    wire.lose = 1
    wire.asked[0].respond(wire.asked[0].request.reply(200))
    assert (await until(heard)).status == 200
    assert len(wire.asked) == 1
    wire.close()


async def test_a_refused_invite_is_acknowledged_even_when_the_ack_is_lost() -> None:
    wire, heard = Wire(), asyncio.Queue[Response]()
    wire.ours.request(a_request("INVITE"), PEER, heard.put_nowait)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    server = wire.asked[0]
    server.respond(server.request.reply(486, to_tag="2"))
    wire.lose = 1  # the response is on its way already; the ACK is what is lost
    assert (await until(heard)).status == 486
    async with asyncio.timeout(5):
        while server.state not in (State.CONFIRMED, State.TERMINATED):
            await asyncio.sleep(0.005)
    assert wire.sent.count("ACK sip:b@h SIP/2.0") >= 2
    assert heard.empty()
    wire.close()


async def test_nobody_there_is_a_timeout() -> None:
    heard = asyncio.Queue[Response]()
    client = ClientTransaction(
        a_request("INVITE"), lambda _: None, Timers(t1=0.001), heard.put_nowait
    )
    client.start()
    assert (await until(heard)).status == 408
    assert client.state is State.TERMINATED


async def test_every_2xx_reaches_the_user_agent() -> None:
    wire, heard = Wire(), asyncio.Queue[Response]()
    wire.ours.request(a_request("INVITE"), PEER, heard.put_nowait)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    server = wire.asked[0]
    ok = server.request.reply(200, to_tag="2")
    server.respond(ok)
    server.send_again(ok)
    assert [(await until(heard)).status, (await until(heard)).status] == [200, 200]
    wire.close()


async def test_a_cancel_finds_its_invite() -> None:
    wire, heard = Wire(), asyncio.Queue[Response]()
    wire.ours.request(a_request("INVITE"), PEER, heard.put_nowait)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert wire.theirs.invite_of(a_request("CANCEL")) is wire.asked[0]
    assert wire.theirs.invite_of(a_request("CANCEL", "z9hG4bK2")) is None
    wire.close()


@pytest.mark.parametrize(
    ("rport", "expected"), [(True, ("127.0.0.1", 9)), (False, ("127.0.0.1", 5060))]
)
async def test_a_response_goes_where_the_via_says(rport: bool, expected: Address) -> None:
    sent: list[Address] = []
    layer = Transactions(
        lambda _, to: sent.append(to), TIMERS, lambda r, t: t.respond(r.reply(200)) if t else None
    )
    request = a_request("OPTIONS")
    if not rport:
        via = ("Via", "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1")
        request = Request((via, *request.headers[1:]), method="OPTIONS", uri="sip:b@h")
    layer.receive(request, ("127.0.0.1", 9))
    assert sent == [expected]
    layer.close()
