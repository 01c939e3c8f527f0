"""A worker calls a phone of ours: everywhere it is registered rings, and one answers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import SecretStr

from sipagent.config import Listener, Phone, Settings, Sip
from sipagent.edge.message import Message
from sipagent.testing.frontdoor import SipPeer, UdpPeer
from sipagent.testing.registering import Registering

Line = Any
Lines = Callable[..., Awaitable[Line]]
LISTEN = (Listener(port=0), Listener(transport="tcp", port=0))
PHONES = {name: Phone(password=SecretStr("s3cret")) for name in ("201", "202")}
ELSEWHERE = b'SIP;cause=200;text="Call completed elsewhere"'


@pytest.fixture
async def line(lines: Lines) -> Line:
    return await lines(Settings(sip=Sip(listen=LISTEN), phones=PHONES))


class Caller:
    """A worker that calls the extension."""

    def __init__(self, line: Line, token: str, worker: UdpPeer) -> None:
        self.line, self.token, self.worker = line, token, worker

    def send(self, method: str, uri: str = "", **more: Any) -> None:
        contact = f"Contact: <{self.line.uri('w.' + self.token)}>"
        extra = (self.line.route(), *more.pop("extra", ()))
        same = {"call_id": "fork@1", "branch": "z9hG4bKw", "contact": contact, "extra": extra}
        data = self.worker.request(method, uri or self.line.uri("201"), **(same | more))
        self.worker.send(data, self.line.edge.internal_address)

    async def refused(self) -> Message:
        """The failure it gets, acknowledged."""
        while (got := await self.worker.get("")).status < 300:
            pass
        return got


@pytest.fixture
async def caller(line: Line) -> Caller:
    return Caller(line, *await line.worker(waiting=False))


async def registered(
    line: Line, contact: str = "", extra: tuple[str, ...] = (), extension: str = "201"
) -> UdpPeer:
    peer: UdpPeer = await line.phone()
    phone = Registering(peer, lambda data: line.send(peer, data), line.uri(extension))
    assert (await phone.register(contact or phone.contact(), extra=extra)).status == 200
    return peer


def answer(line: Line, phone: UdpPeer, invite: Message, status: int, tag: str) -> Message:
    contact = f"sip:201@127.0.0.1:{phone.local[1]}"
    given: Message = phone.respond(invite, status, line.public, tag=tag, contact=contact)
    return given


@pytest.mark.rfc("3261", "forking: all ring, the first to answer wins, CANCEL to the others (16.7)")
@pytest.mark.rfc("3326", "the others are told that the call was answered elsewhere")
async def test_the_first_to_answer_wins_and_the_others_hear_so(line: Line, caller: Caller) -> None:
    desk, mobile = await registered(line), await registered(line)
    caller.send("INVITE")
    await caller.worker.get(100)
    at_desk, at_mobile = await desk.get("INVITE"), await mobile.get("INVITE")
    assert at_desk.uri == f"sip:201@127.0.0.1:{desk.local[1]}".encode()
    assert at_desk.via.branch != at_mobile.via.branch
    answer(line, desk, at_desk, 180, "d")
    answer(line, mobile, at_mobile, 180, "m")
    assert {(await caller.worker.get(180)).to.tag for _ in range(2)} == {b"d", b"m"}

    answer(line, mobile, at_mobile, 200, "m")
    won = await caller.worker.get(200)
    assert won.to.tag == b"m"
    cancel = await desk.get("CANCEL")
    assert cancel.via.branch == at_desk.via.branch
    assert cancel.text(b"reason") == ELSEWHERE
    desk.respond(cancel, 200, line.public, tag="d")
    answer(line, desk, at_desk, 487, "d")
    assert (await desk.get("ACK")).via.branch == at_desk.via.branch

    route = won.values(b"record-route")[-1].decode()
    to = won.text(b"contact")[1:-1].decode()
    caller.send("ACK", to, branch="z9hG4bKa", to_tag="m", extra=(f"Route: {route}",))
    await mobile.get("ACK")
    bye = mobile.request(
        "BYE",
        at_mobile.text(b"contact")[1:-1].decode(),
        call_id="fork@1",
        from_tag="m",
        to_tag="caller",
    )
    line.send(mobile, bye)
    got = await caller.worker.get("BYE")
    caller.worker.respond(got, 200, line.edge.internal_address)
    await mobile.get(200)
    assert line.edge.dialogs == 0
    async with asyncio.timeout(5):
        while line.edge.transactions:
            await asyncio.sleep(0.02)


@pytest.mark.rfc("3261", "forking: a second 2xx gets ACK and BYE")
async def test_a_late_answer_is_acknowledged_and_ended(line: Line, caller: Caller) -> None:
    desk, mobile = await registered(line), await registered(line)
    caller.send("INVITE")
    at_desk, at_mobile = await desk.get("INVITE"), await mobile.get("INVITE")
    answer(line, mobile, at_mobile, 200, "m")
    assert (await caller.worker.get(200)).to.tag == b"m"
    answer(line, desk, at_desk, 200, "d")
    assert (await desk.get("ACK")).to.tag == b"d"
    bye = await desk.get("BYE")
    assert (bye.to.tag, bye.text(b"reason")) == (b"d", ELSEWHERE)
    desk.respond(bye, 200, line.public)
    answer(line, desk, at_desk, 200, "d")  # our ACK was lost: one more, but no second BYE
    await desk.get("ACK")
    with pytest.raises(TimeoutError):
        await desk.raw(0.2)
    with pytest.raises(TimeoutError):
        await caller.worker.raw(0.1)
    assert line.edge.dialogs == 1


@pytest.mark.parametrize(
    ("first", "second", "passed_on"),
    [
        (486, 480, 486),
        (480, 603, 603),
        (404, 302, 302),
        (503, 503, 500),
        (500, 486, 486),
        (401, 486, 401),
    ],
)
@pytest.mark.rfc("3261", "forking: the best of several failures is passed on (16.7 step 6)")
async def test_of_several_failures_the_best_is_passed_on(
    line: Line, caller: Caller, first: int, second: int, passed_on: int
) -> None:
    phones = [await registered(line), await registered(line)]
    caller.send("INVITE")
    for phone, status in zip(phones, (first, second), strict=True):
        answer(line, phone, await phone.get("INVITE"), status, f"t{status}")
        await phone.get("ACK")
    refusal = await caller.refused()
    assert refusal.status == passed_on
    assert len(refusal.values(b"via")) == 1
    assert (await caller.refused()).status == passed_on  # until the worker has heard it
    caller.send("ACK", to_tag=refusal.to.tag.decode())
    assert line.edge.dialogs == 0


@pytest.mark.rfc("3261", "forking: a 6xx ends all branches")
async def test_who_declines_for_all_ends_it_for_all(line: Line, caller: Caller) -> None:
    desk, mobile = await registered(line), await registered(line)
    caller.send("INVITE")
    at_desk, at_mobile = await desk.get("INVITE"), await mobile.get("INVITE")
    answer(line, mobile, at_mobile, 180, "m")
    await caller.worker.get(180)
    answer(line, desk, at_desk, 603, "d")
    mobile.respond(await mobile.get("CANCEL"), 200, line.public)
    answer(line, mobile, at_mobile, 487, "m")
    assert (await caller.refused()).status == 603


async def test_a_caller_who_gives_up_is_not_kept_by_a_phone_that_is_gone(
    line: Line, caller: Caller
) -> None:
    rings, gone = await registered(line), await registered(line)
    gone.close()
    caller.send("INVITE")
    ringing = await rings.get("INVITE")
    answer(line, rings, ringing, 180, "r")
    await caller.worker.get(180)
    caller.send("CANCEL", extra=('Reason: SIP;cause=487;text="gave up"',))
    assert (await caller.worker.get(200)).cseq.method == b"CANCEL"
    cancel = await rings.get("CANCEL")
    assert cancel.text(b"reason") == b'SIP;cause=487;text="gave up"'
    rings.respond(cancel, 200, line.public)
    answer(line, rings, ringing, 487, "r")
    assert (await caller.refused()).status == 487


@pytest.mark.rfc("3261", "CANCEL waits for a provisional response (9.1)")
async def test_a_cancel_waits_until_the_phone_has_spoken(line: Line, caller: Caller) -> None:
    phone = await registered(line)
    caller.send("INVITE")
    invite = await phone.get("INVITE")
    caller.send("CANCEL")
    assert (await caller.refused()).status == 487
    while not phone.silent():  # the INVITE again, before the CANCEL was known
        assert (await phone.get("INVITE")).via.branch == invite.via.branch
    answer(line, phone, invite, 180, "p")
    await phone.get("CANCEL")


@pytest.mark.rfc("3261", "timer A: an INVITE is repeated until there is a response")
async def test_an_invite_is_sent_again_until_the_phone_speaks(line: Line, caller: Caller) -> None:
    phone = await registered(line)
    caller.send("INVITE")
    first, again = await phone.get("INVITE"), await phone.get("INVITE")
    assert bytes(first) == bytes(again)
    caller.send("INVITE")
    await caller.worker.get(100)
    assert line.edge.counters.forked == 1


@pytest.mark.rfc("3261", "no answer at all is 408 (timer B)")
async def test_a_phone_that_says_nothing_is_408(line: Line, caller: Caller) -> None:
    await registered(line)
    caller.send("INVITE")
    assert (await caller.refused()).status == 408


async def test_a_phone_that_is_not_registered_is_480(line: Line, caller: Caller) -> None:
    caller.send("INVITE", line.uri("202"))
    assert (await caller.refused()).status == 480


async def test_a_number_that_is_no_phone_is_a_call_of_its_own(line: Line, caller: Caller) -> None:
    _, other = await line.worker()
    caller.send("INVITE", line.uri("300"))
    await other.get("INVITE")
    assert line.desk.calls[0].number == "300"
    assert line.edge.counters.forked == 0


@pytest.mark.rfc("3581", "a registered phone behind NAT is called where it speaks from")
async def test_a_phone_behind_a_nat_is_reached_where_it_speaks_from(
    line: Line, caller: Caller
) -> None:
    phone = await registered(line, "<sip:201@10.1.2.3:5070>")
    caller.send("INVITE")
    invite = await phone.get("INVITE")
    assert invite.uri == b"sip:201@10.1.2.3:5070"
    private = "sip:201@10.1.2.3:5070"
    phone.respond(invite, 200, line.public, tag="p", contact=private)
    won = await caller.worker.get(200)
    route = won.values(b"record-route")[-1].decode()
    for method, number in (("ACK", 1), ("BYE", 2)):
        same = {"to_tag": "p", "cseq": number, "extra": (f"Route: {route}",)}
        caller.send(method, private, branch=f"z9hG4bK{method}", **same)
        assert (await phone.get(method)).uri == private.encode()


@pytest.mark.rfc("5626", "a phone is called on the connection it registered by")
async def test_a_phone_on_a_connection_is_called_on_it(line: Line, caller: Caller) -> None:
    peer = await line.tcp_phone()
    phone = Registering(peer, peer.send, line.uri("201"))
    # nobody listens at its Contact: only the connection leads there
    await phone.register("<sip:201@127.0.0.1:9;transport=tcp>")
    caller.send("INVITE")
    invite = await peer.get("INVITE")
    assert invite.via.transport == "TCP"
    assert b";transport=tcp>" in invite.text(b"contact")


@pytest.mark.rfc("5626", "a flow that is gone is no way to a phone")
async def test_a_phone_whose_connection_is_gone_is_480(line: Line, caller: Caller) -> None:
    peer = await line.tcp_phone()
    phone = Registering(peer, peer.send, line.uri("201"))
    await phone.register("<sip:201@127.0.0.1:9;transport=tcp>")
    await peer.close()
    caller.send("INVITE")
    assert (await caller.refused()).status == 480


async def test_a_phone_that_listens_is_called_by_a_new_connection(
    line: Line, caller: Caller
) -> None:
    accepted: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.put_nowait(await reader.readuntil(b"\r\n"))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    peer = await line.tcp_phone()
    phone = Registering(peer, peer.send, line.uri("201"))
    await phone.register(f"<sip:201@127.0.0.1:{port};transport=tcp>")
    await peer.close()
    caller.send("INVITE")
    async with asyncio.timeout(5):
        assert (await accepted.get()).startswith(b"INVITE sip:201@127.0.0.1:")
    server.close()
    await server.wait_closed()


@pytest.mark.rfc("3327", "calls to a phone follow its Path")
async def test_a_path_is_the_route_to_the_phone(line: Line, caller: Caller) -> None:
    """The proxy in between is told by Route, and is where the REGISTER came from."""
    path = ("Path: <sip:pcscf.example;lr>, <sip:inner.example;lr>", "Supported: path")
    proxy = await registered(line, "<sip:201@10.1.2.3:5070>", path)
    caller.send("INVITE")
    invite = await proxy.get("INVITE")
    assert invite.uri == b"sip:201@10.1.2.3:5070"
    assert invite.values(b"route") == [b"<sip:pcscf.example;lr>", b"<sip:inner.example;lr>"]


async def test_a_phone_cannot_have_its_calls_sent_to_a_third_party(
    line: Line, caller: Caller
) -> None:
    """Else a stolen phone password would be a way to call out in our name."""
    victim = await line.phone("127.0.0.2")
    contact = f"<sip:+39899@127.0.0.2:{victim.local[1]}>"
    thief = await registered(line, contact)
    caller.send("INVITE")
    await thief.get("INVITE")
    assert victim.silent()


async def test_when_the_worker_dies_everything_that_rings_is_cancelled(
    line: Line, caller: Caller
) -> None:
    rings, quiet, answered = [await registered(line) for _ in range(3)]
    caller.send("INVITE")
    ringing, late = await rings.get("INVITE"), await quiet.get("INVITE")
    answer(line, rings, ringing, 180, "r")
    await caller.worker.get(180)
    line.edge.worker_gone(caller.token)
    rings.respond(await rings.get("CANCEL"), 200, line.public)
    answer(line, rings, ringing, 487, "r")
    await rings.get("ACK")
    answer(line, quiet, late, 180, "q")
    await quiet.get("CANCEL")
    answer(line, answered, await answered.get("INVITE"), 200, "a")
    await answered.get("ACK")
    await answered.get("BYE")
    assert line.edge.dialogs == 0


async def _drain(peer: SipPeer) -> None:
    while not peer.silent():
        await peer.raw()


@pytest.mark.rfc("3261", "a dialog outlives a new registration")
async def test_a_call_talks_on_when_its_phone_registers_anew(line: Line, caller: Caller) -> None:
    phone = await registered(line)
    caller.send("INVITE")
    answer(line, phone, await phone.get("INVITE"), 200, "p")
    won = await caller.worker.get(200)
    again = Registering(phone, lambda data: line.send(phone, data), line.uri("201"))
    await _drain(phone)
    assert (await again.register("*", extra=("Expires: 0",))).status == 200
    route = won.values(b"record-route")[-1].decode()
    to = won.text(b"contact")[1:-1].decode()
    caller.send("BYE", to, branch="z9hG4bKb", to_tag="p", cseq=2, extra=(f"Route: {route}",))
    await phone.get("BYE")
