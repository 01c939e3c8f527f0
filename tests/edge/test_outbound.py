"""A worker calls out: through the edge to the world, or back to a number of our own."""

import asyncio
from typing import Any

import pytest

from sipagent.testing.frontdoor import TcpPeer

Line = Any


def _invite(line: Line, worker: Any, token: str, uri: str, **more: Any) -> bytes:
    contact = f"Contact: <{line.uri('w.' + token)}>"
    route = more.pop("route", line.route())
    request: bytes = worker.request("INVITE", uri, contact=contact, extra=(route,), **more)
    return request


@pytest.mark.rfc("3261", "a call of our own goes out with us in the route set")
async def test_a_worker_calls_out_and_the_edge_stays_in_the_path(line: Line) -> None:
    callee = await line.phone()
    token, worker = await line.worker(waiting=False)
    inside = line.edge.internal_address
    uri = f"sip:bob@127.0.0.1:{callee.local[1]}"
    worker.send(_invite(line, worker, token, uri, call_id="out@1"), inside)
    got = await callee.get("INVITE")
    assert got.get(b"route") is None
    assert got.get(b"record-route") is None
    assert got.text(b"max-forwards") == b"69"
    assert got.via.sent_by == line.public

    contact = f"sip:bob@127.0.0.1:{callee.local[1]}"
    ring = (("Record-Route", "<sip:first.example;lr>, <sip:second.example;lr>"),)
    callee.respond(got, 180, line.public, tag="b", contact=contact, extra=ring)
    ringing = await worker.get(180)
    routes = ringing.values(b"record-route")
    assert routes[:2] == [b"<sip:first.example;lr>", b"<sip:second.example;lr>"]
    assert routes[2].startswith(f"<sip:{inside[0]}:{inside[1]};lr".encode())
    callee.respond(got, 200, line.public, tag="b", contact=contact)
    assert len((await worker.get(200)).values(b"via")) == 1

    bye = callee.request("BYE", line.uri("100"), call_id="out@1", from_tag="b", to_tag="caller")
    callee.send(bye, line.public)
    assert (await worker.get("BYE")).call_id == b"out@1"


@pytest.mark.rfc("3261", "CANCEL and the ACK to a failure go where their INVITE went")
async def test_cancel_and_ack_to_a_failure_go_where_the_invite_went(line: Line) -> None:
    callee = await line.phone()
    token, worker = await line.worker(waiting=False)
    inside = line.edge.internal_address
    uri = f"sip:bob@127.0.0.1:{callee.local[1]}"
    same = {"call_id": "out@2", "branch": "z9hG4bKworker"}
    worker.send(_invite(line, worker, token, uri, **same), inside)
    got = await callee.get("INVITE")
    for method in ("CANCEL", "ACK"):
        worker.send(worker.request(method, uri, extra=(line.route(),), **same), inside)
        assert (await callee.get(method)).via.branch == got.via.branch


@pytest.mark.rfc("3263", "a host name is resolved")
async def test_a_name_is_resolved(line: Line) -> None:
    callee = await line.phone()
    token, worker = await line.worker(waiting=False)
    uri = f"sip:bob@localhost:{callee.local[1]}"
    worker.send(_invite(line, worker, token, uri), line.edge.internal_address)
    assert (await callee.get("INVITE")).uri == uri.encode()


@pytest.mark.parametrize(
    "uri",
    [
        "sip:bob@no-such-host.invalid",
        "sip:bob@127.0.0.1:1;transport=tcp",
        "sips:bob@127.0.0.1",
        "sip:bob@[::1]",
    ],
)
async def test_a_target_that_cannot_be_reached_is_503_to_the_worker(line: Line, uri: str) -> None:
    token, worker = await line.worker(waiting=False)
    invite = _invite(line, worker, token, uri, call_id="x@y", branch="z9hG4bKfar")
    worker.send(invite, line.edge.internal_address)
    answer = await worker.get(503)
    assert answer.to.tag
    worker.send(invite, line.edge.internal_address)
    await worker.get(503)
    assert line.edge.counters.unreachable == 1


@pytest.mark.parametrize(("hops", "status"), [(b"0", 483), (b"x", 400)])
async def test_a_worker_hears_when_its_request_cannot_go_on(
    line: Line, hops: bytes, status: int
) -> None:
    token, worker = await line.worker(waiting=False)
    invite = _invite(line, worker, token, "sip:bob@127.0.0.1")
    changed = invite.replace(b"Max-Forwards: 70", b"Max-Forwards: " + hops)
    worker.send(changed, line.edge.internal_address)
    await worker.get(status)


async def test_strangers_are_not_heard_on_the_inside(line: Line) -> None:
    callee, stranger = await line.phone(), await line.phone()
    uri = f"sip:bob@127.0.0.1:{callee.local[1]}"
    stranger.send(stranger.request("INVITE", uri), line.edge.internal_address)
    async with asyncio.timeout(5):
        while line.edge.counters.stray == 0:
            await asyncio.sleep(0.01)
    assert callee.silent()


@pytest.mark.rfc("3261", "a response nobody waits for is dropped")
async def test_forged_responses_do_not_reach_a_worker(line: Line) -> None:
    callee = await line.phone()
    token, worker = await line.worker(waiting=False)
    uri = f"sip:bob@127.0.0.1:{callee.local[1]}"
    worker.send(_invite(line, worker, token, uri), line.edge.internal_address)
    got = await callee.get("INVITE")
    right = got.via.branch
    wrong = right[:-1] + (b"0" if right[-1:] != b"0" else b"1")
    forged = got.copy()
    forged.replace_top_via(got.via.text.replace(right, wrong))
    callee.respond(forged, 180, line.public, tag="evil")
    callee.respond(got, 183, line.public, tag="b")
    await worker.get(183)
    assert line.edge.counters.stray == 1


async def test_a_worker_can_call_a_number_of_our_own(line: Line) -> None:
    """A spiral: the call comes in again, to another worker."""
    first, caller = await line.worker(waiting=False)
    second, callee = await line.worker()
    inside = line.edge.internal_address
    caller.send(_invite(line, caller, first, line.uri("200"), call_id="sp@1"), inside)
    got = await callee.get("INVITE")
    assert line.desk.calls[0].number == "200"
    line.answer(callee, second, got, tag="callee")
    answer = await caller.get(200)
    assert answer.text(b"contact") == f"<{line.uri('w.' + second)}>".encode()
    assert len(answer.values(b"record-route")) == 1

    ack = caller.request(
        "ACK", line.uri(f"w.{second}"), call_id="sp@1", to_tag="callee", extra=(line.route(),)
    )
    caller.send(ack, inside)
    await callee.get("ACK")
    route = got.values(b"record-route")[0].decode()
    bye = callee.request(
        "BYE",
        line.uri(f"w.{first}"),
        call_id="sp@1",
        from_tag="callee",
        to_tag="caller",
        extra=(f"Route: {route}",),
    )
    callee.send(bye, inside)
    caller.respond(await caller.get("BYE"), 200, inside)
    await callee.get(200)
    assert line.edge.dialogs == 0


async def test_the_other_end_of_a_spiral_hears_when_its_worker_dies(line: Line) -> None:
    first, caller = await line.worker(waiting=False)
    second, callee = await line.worker()
    inside = line.edge.internal_address
    caller.send(_invite(line, caller, first, line.uri("200"), call_id="sp@2"), inside)
    line.answer(callee, second, await callee.get("INVITE"), tag="callee")
    await caller.get(200)
    line.edge.worker_gone(second)
    bye = await caller.get("BYE")
    assert (bye.from_.tag, bye.to.tag) == (b"callee", b"caller")


@pytest.mark.rfc("3261", "a call over TCP keeps to its connection (18)")
async def test_a_call_over_tcp_opens_one_connection_and_keeps_to_it(line: Line) -> None:
    accepted: asyncio.Queue[TcpPeer] = asyncio.Queue()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.put_nowait(TcpPeer.over(reader, writer))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    token, worker = await line.worker(waiting=False)
    inside = line.edge.internal_address
    uri = f"sip:bob@127.0.0.1:{port};transport=tcp"
    invite = _invite(line, worker, token, uri, call_id="tcp@1", branch="z9hG4bKt")
    worker.send(invite, inside)
    worker.send(invite, inside)
    callee = await accepted.get()
    got = await callee.get("INVITE")
    host, tcp_port = line.tcp
    contact = f"<sip:w.{token}@{host}:{tcp_port};transport=tcp>"
    assert got.text(b"contact") == contact.encode()
    assert got.via.transport == "TCP"
    phone = await line.phone()
    answer = phone.respond(got, 200, line.public, tag="b", contact="sip:bob@192.0.2.1")
    del answer  # by UDP it is taken as well: a response finds its way by Via
    route = (await worker.get(200)).values(b"record-route")[-1].decode()
    assert route.count("!") == 0
    callee.send(bytes(phone.respond(got, 200, phone.local, tag="b", contact=uri)))
    route = (await worker.get(200)).values(b"record-route")[-1].decode()
    ack = worker.request(
        "ACK", "sip:bob@192.0.2.1", call_id="tcp@1", to_tag="b", extra=(f"Route: {route}",)
    )
    worker.send(ack, inside)
    assert (await callee.get("ACK")).uri == b"sip:bob@192.0.2.1"
    assert accepted.empty()
    await callee.close()
    server.close()
    await server.wait_closed()


async def test_a_response_a_worker_cannot_read_ends_that_call(line: Line) -> None:
    callee = await line.phone()
    token, worker = await line.worker(waiting=False)
    uri = f"sip:bob@127.0.0.1:{callee.local[1]}"
    worker.send(_invite(line, worker, token, uri, call_id="big@1"), line.edge.internal_address)
    got = await callee.get("INVITE")
    callee.respond(got, 200, line.public, tag="b", contact=uri, body=b"x" * 5000)
    assert (await worker.get(513)).cseq.method == b"INVITE"
    assert (await callee.get("ACK")).to.tag == b"b"
    assert (await callee.get("BYE")).to.tag == b"b"
