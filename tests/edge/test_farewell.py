"""A worker dies: everybody it talked to hears of it."""

from typing import Any

import pytest

from sipagent.edge.timers import Timers, retransmissions

Line = Any


@pytest.mark.rfc("3261", "timer E: retransmissions double up to T2 within 64*T1")
def test_timer_e_doubles_up_to_t2_within_64_t1() -> None:
    waits = retransmissions(Timers())
    assert waits[:6] == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    assert 28.0 <= sum(waits) < 32.0


@pytest.mark.rfc("3261", "BYE is repeated until it is answered")
async def test_the_caller_of_a_dead_worker_gets_bye_until_it_answers(line: Line) -> None:
    phone, token, _ = await line.established(call_id="dead@1")
    line.edge.worker_gone(token)
    first = await phone.get("BYE")
    again = await phone.get("BYE")
    assert bytes(first) == bytes(again)
    assert first.call_id == b"dead@1"
    assert (first.from_.tag, first.to.tag) == (b"wtag", b"caller")
    assert first.uri == f"sip:alice@127.0.0.1:{phone.local[1]}".encode()
    assert b"worker lost" in first.text(b"reason")
    assert first.via.branch.startswith(b"z9hG4bK")
    phone.respond(again, 200, line.public)
    line.send(phone, phone.request("OPTIONS", line.uri("x")))
    await phone.get(200)
    with pytest.raises(TimeoutError):
        await phone.get("BYE", 0.3)
    assert line.edge.counters.byes_for_workers == 1


@pytest.mark.rfc("3326", "Reason on our BYE, CANCEL and refusals")
async def test_a_bye_that_is_said_again_for_a_call_that_ended_tells_of_no_failure(
    line: Line,
) -> None:
    """Its worker said BYE, and left before a slow phone had answered."""
    phone, token, worker = await line.established(call_id="slow@1")
    target = f"sip:alice@127.0.0.1:{phone.local[1]}"
    own = {"call_id": "slow@1", "from_tag": "wtag", "to_tag": "caller", "extra": (line.route(),)}
    worker.send(worker.request("BYE", target, **own), line.edge.internal_address)
    await phone.get("BYE")
    line.edge.worker_gone(token, orderly=True)
    assert (await phone.get("BYE")).text(b"reason") == b'Q.850;cause=16;text="Normal call clearing"'


@pytest.mark.rfc(
    "3261", "a request in a dialog follows the route set with the next CSeq (12.2.1.1)"
)
async def test_bye_follows_the_route_set_and_the_last_cseq(line: Line) -> None:
    proxy, phone = await line.phone(), await line.phone()
    token, worker = await line.worker()
    record = f"Record-Route: <sip:127.0.0.1:{proxy.local[1]};lr>"
    line.send(phone, phone.request("INVITE", line.uri("100"), call_id="rs@1", extra=(record,)))
    got = await worker.get("INVITE")
    line.answer(worker, token, got)
    await phone.get(200)
    info = worker.request(
        "INFO",
        f"sip:alice@127.0.0.1:{phone.local[1]}",
        call_id="rs@1",
        cseq=41,
        from_tag="wtag",
        to_tag="caller",
        extra=tuple(f"Route: {r.decode()}" for r in got.values(b"record-route")),
    )
    worker.send(info, line.edge.internal_address)
    assert (await proxy.get("INFO")).values(b"route") == [record.partition(" ")[2].encode()]
    line.edge.worker_gone(token)
    bye = await proxy.get("BYE")
    assert bye.cseq.number == 42
    assert bye.text(b"route") == record.partition(" ")[2].encode()


@pytest.mark.rfc("3261", "a re-INVITE changes the remote target (12.2)")
async def test_bye_goes_to_the_contact_of_the_last_reinvite(line: Line) -> None:
    phone, token, worker = await line.established(call_id="re@1")
    moved = await line.phone()
    contact = f"Contact: <sip:alice@127.0.0.1:{moved.local[1]}>"
    uri = line.uri(f"w.{token}")
    more = {"call_id": "re@1", "to_tag": "wtag", "cseq": 2}
    line.send(phone, phone.request("INVITE", uri, contact=contact, **more))
    line.answer(worker, token, await worker.get("INVITE"))
    await phone.get(200)
    line.edge.worker_gone(token)
    await moved.get("BYE")


async def test_a_caller_not_yet_answered_gets_500(line: Line) -> None:
    phone = await line.phone()
    token, worker = await line.worker()
    same = {"call_id": "early@1", "branch": "z9hG4bKearly"}
    line.send(phone, phone.request("INVITE", line.uri("100"), **same))
    line.answer(worker, token, await worker.get("INVITE"), 180)
    await phone.get(180)
    line.edge.worker_gone(token)
    failure = await phone.get(500)
    assert failure.cseq.method == b"INVITE"
    await phone.get(500)
    tag = failure.to.tag.decode()
    line.send(phone, phone.request("ACK", line.uri("100"), to_tag=tag, **same))
    with pytest.raises(TimeoutError):
        await phone.get("BYE", 0.2)


@pytest.mark.rfc("3261", "a failure is repeated over UDP until its ACK (timer G)")
async def test_a_failure_whose_worker_left_is_repeated_until_its_ack(line: Line) -> None:
    phone = await line.phone()
    token, worker = await line.worker()
    line.send(phone, phone.request("INVITE", line.uri("100")))
    worker.respond(await worker.get("INVITE"), 486, line.edge.internal_address, tag="w")
    first = await phone.get(486)
    line.edge.worker_gone(token)
    assert bytes(await phone.get(486)) == bytes(first)
    await phone.get(486)


@pytest.mark.parametrize(("too_slow", "status"), [(False, 500), (True, 503)])
async def test_an_invite_whose_worker_died_is_refused(
    line: Line, too_slow: bool, status: int
) -> None:
    """One that was too slow to take it shows a machine with no room, not a broken one."""
    phone = await line.phone()
    token, worker = await line.worker()
    line.send(phone, phone.request("INVITE", line.uri("100")))
    await worker.get("INVITE")
    line.edge.worker_gone(token, too_slow=too_slow)
    refused = await phone.get(status)
    assert (refused.get(b"retry-after") is not None) is too_slow


@pytest.mark.parametrize("late", [False, True])
async def test_a_call_out_not_yet_answered_is_cancelled(line: Line, late: bool) -> None:
    """CANCEL has to wait for a provisional response (RFC 3261 section 9.1)."""
    callee = await line.phone()
    token, worker = await line.worker(waiting=False)
    uri = f"sip:bob@127.0.0.1:{callee.local[1]}"
    worker.send(
        worker.request("INVITE", uri, call_id="co@1", extra=(line.route(),)),
        line.edge.internal_address,
    )
    got = await callee.get("INVITE")
    if late:
        line.edge.worker_gone(token)
        assert callee.silent()
        callee.respond(got, 180, line.public, tag="b")
    else:
        callee.respond(got, 180, line.public, tag="b")
        await worker.get(180)
        line.edge.worker_gone(token)
    cancel = await callee.get("CANCEL")
    await callee.get("CANCEL")
    assert cancel.via.branch == got.via.branch
    assert cancel.uri == got.uri
    callee.respond(cancel, 200, line.public)
    callee.respond(got, 487, line.public, tag="b")
    ack = await callee.get("ACK")
    assert (ack.via.branch, ack.to.tag) == (got.via.branch, b"b")


@pytest.mark.rfc("3261", "a 2xx nobody wants any more gets ACK and BYE (15)")
async def test_a_call_out_answered_after_its_worker_died_is_hung_up(line: Line) -> None:
    callee = await line.phone()
    token, worker = await line.worker(waiting=False)
    uri = f"sip:bob@127.0.0.1:{callee.local[1]}"
    worker.send(
        worker.request("INVITE", uri, call_id="co@2", extra=(line.route(),)),
        line.edge.internal_address,
    )
    got = await callee.get("INVITE")
    line.edge.worker_gone(token)
    for _ in range(2):
        callee.respond(got, 200, line.public, tag="b", contact=uri)
    ack, bye = await callee.get("ACK"), await callee.get("BYE")
    assert (ack.cseq, bye.cseq) == ((1, b"ACK"), (2, b"BYE"))
    callee.respond(bye, 200, line.public)
    await callee.get("ACK")
    assert line.edge.counters.byes_for_workers == 1


async def test_a_caller_on_tcp_hears_bye_on_its_connection(line: Line) -> None:
    phone = await line.tcp_phone()
    token, worker = await line.worker()
    phone.send(phone.request("INVITE", line.uri("100"), call_id="t@1"))
    line.answer(worker, token, await worker.get("INVITE"))
    await phone.get(200)
    line.edge.worker_gone(token)
    bye = await phone.get("BYE")
    assert bye.via.transport == "TCP"
    with pytest.raises(TimeoutError):
        await phone.get("BYE", 0.2)


async def test_a_worker_that_ended_its_calls_leaves_nothing_to_say(line: Line) -> None:
    phone, token, worker = await line.established(call_id="end@1")
    bye = worker.request(
        "BYE",
        f"sip:alice@127.0.0.1:{phone.local[1]}",
        call_id="end@1",
        from_tag="wtag",
        to_tag="caller",
        extra=(line.route(),),
    )
    worker.send(bye, line.edge.internal_address)
    phone.respond(await phone.get("BYE"), 200, line.public)
    await worker.get(200)
    line.edge.worker_gone(token)
    with pytest.raises(TimeoutError):
        await phone.get("BYE", 0.2)
