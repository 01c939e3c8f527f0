"""SIPp, a SIP stack that is not ours, calls small workers through the edge, and is called."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sipagent.edge.desk import Admitted
from sipagent.edge.message import parse
from sipagent.testing.sipp import Sipp

pytestmark = pytest.mark.peer
Line = Any
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n"
    b"c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
)
CALLS = 50


async def serve(line: Line, token: str, worker: Any) -> None:
    """A worker that rings, answers and agrees to everything."""
    inside = line.edge.internal_address
    contact = line.uri(f"w.{token}")
    sdp = (("Content-Type", "application/sdp"),)
    while True:
        request = parse(await worker.raw(60))
        if not request.is_request or request.method == b"ACK":
            continue
        tag = "" if request.to.tag else "w1"
        if request.method != b"INVITE":
            worker.respond(request, 200, inside, tag=tag)
        else:
            worker.respond(request, 180, inside, tag=tag, contact=contact)
            worker.respond(request, 200, inside, tag=tag, contact=contact, extra=sdp, body=SDP)


@pytest.fixture
async def workers(line: Line) -> AsyncIterator[list[str]]:
    """Ten workers, and a desk that gives them calls in turn."""
    tokens, tasks = [], []
    for _ in range(10):
        token, worker = await line.worker(waiting=False)
        line.desk.workers += [Admitted(token, worker.local)] * (CALLS // 10)
        tasks.append(asyncio.create_task(serve(line, token, worker)))
        tokens.append(token)
    yield tokens
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("transport", ["u1", "t1"])
@pytest.mark.rfc("3261", "SIPp calls and hangs up")
async def test_sipp_calls_and_hangs_up(line: Line, workers: list[str], transport: str) -> None:
    host, port = line.public if transport == "u1" else line.tcp
    more = ("-t", transport)
    async with Sipp("uac", target=f"{host}:{port}", calls=CALLS, rate=50, more=more) as sipp:
        result = await sipp.wait()
    assert result.ok, result.output
    assert result.successful == CALLS
    assert line.edge.counters.admitted == CALLS
    assert line.edge.dialogs == 0
    for token in workers:
        line.edge.worker_gone(token)
    assert line.edge.counters.byes_for_workers == 0


@pytest.mark.rfc("3261", "SIPp is called")
async def test_a_worker_calls_sipp(line: Line) -> None:
    token, worker = await line.worker(waiting=False)
    inside = line.edge.internal_address
    async with Sipp("uas") as sipp:
        uri = sipp.uri
        invite = worker.request(
            "INVITE",
            uri,
            call_id="to-sipp@1",
            contact=f"Contact: <{line.uri('w.' + token)}>",
            extra=(line.route(),),
            body=SDP.decode(),
        )
        worker.send(invite, inside)
        answer = await worker.get(200)
        tag = answer.to.tag.decode()
        route = f"Route: {answer.values(b'record-route')[0].decode()}"
        for number, method in ((1, "ACK"), (2, "BYE")):
            request = worker.request(
                method, uri, call_id="to-sipp@1", cseq=number, to_tag=tag, extra=(route,)
            )
            worker.send(request, inside)
        assert (await worker.get(200)).cseq.method == b"BYE"
        result = await sipp.wait()
    assert result.ok, result.output


async def test_sipp_on_a_dead_worker_is_hung_up_on(line: Line) -> None:
    """SIPp as callee: the BYE we send in a worker's place is one another stack accepts."""
    token, worker = await line.worker(waiting=False)
    async with Sipp("uas") as sipp:
        worker.send(
            worker.request("INVITE", sipp.uri, extra=(line.route(),), body=SDP.decode()),
            line.edge.internal_address,
        )
        answer = await worker.get(200)
        route = f"Route: {answer.values(b'record-route')[0].decode()}"
        ack = worker.request(
            "ACK",
            sipp.uri,
            call_id=answer.call_id.decode(),
            to_tag=answer.to.tag.decode(),
            extra=(route,),
        )
        worker.send(ack, line.edge.internal_address)
        line.edge.worker_gone(token)
        result = await sipp.wait()
    assert result.ok, result.output
