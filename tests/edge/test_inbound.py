"""A phone calls in: from the world through the edge to a worker and back."""

import asyncio
import re
from typing import Any

import pytest

from sipagent.edge.desk import Refused

Line = Any


@pytest.mark.rfc("3261", "a call through a record-routing proxy: INVITE, 200, ACK, BYE")
async def test_a_call_reaches_a_worker_and_its_answer_the_caller(line: Line) -> None:
    phone = await line.phone()
    token, worker = await line.worker()
    invite = phone.request("INVITE", line.uri("100"), call_id="a@b", extra=("X-Order: 7",))
    line.send(phone, invite)
    assert (await phone.get(100)).call_id == b"a@b"
    got = await worker.get("INVITE")
    line.answer(worker, token, got)
    answer = await phone.get(200)

    host, port = line.edge.internal_address
    assert got.headers[0].key == b"record-route"
    assert got.headers[0].value.startswith(f"<sip:{host}:{port};lr".encode())
    assert got.text(b"max-forwards") == b"69"
    assert answer.get(b"record-route") is None
    assert len(answer.values(b"via")) == 1
    assert answer.text(b"contact") == f"<{line.uri('w.' + token)}>".encode()
    call = line.desk.calls[0]
    assert (call.number, call.sip_call_id, call.transport) == ("100", "a@b", "udp")
    assert call.headers["X-Order"] == "7"
    assert call.source == phone.local


async def test_the_ladder_shows_each_message_of_an_admitted_call(line: Line) -> None:
    phone, _, _ = await line.established(call_id="ladder@test")
    seen = [(r.source, r.destination, r.start_line.split()[-1]) for r in line.desk.rungs]
    remote = f"{phone.local[0]}:{phone.local[1]}"
    assert [(a, b) for a, b, _ in seen] == [
        (remote, "sipagent"),
        ("sipagent", remote),
        ("sipagent", remote),
        (remote, "sipagent"),
    ]
    assert [r.cseq for r in line.desk.rungs] == ["1 INVITE"] * 3 + ["1 ACK"]
    assert all("v=0" not in r.start_line for r in line.desk.rungs)


@pytest.mark.rfc(
    "3581", "rport and received filled in, responses sent to where the request came from"
)
async def test_received_and_rport_say_what_the_socket_saw(line: Line) -> None:
    phone = await line.phone()
    via = "Via: SIP/2.0/UDP 10.9.9.9:5099;rport;branch=z9hG4bKnat"
    line.send(phone, phone.request("OPTIONS", line.uri("x"), via=via))
    top = (await phone.get(200)).via
    assert top.params[b"received"] == b"127.0.0.1"
    assert top.params[b"rport"] == b"%d" % phone.local[1]


@pytest.mark.rfc(
    "3261", "responses go to the port in Via, at the address the request came from (18.2.2)"
)
async def test_without_rport_the_answer_goes_to_the_port_in_via(line: Line) -> None:
    sender, listener = await line.phone(), await line.phone()
    via = f"Via: SIP/2.0/UDP 127.0.0.1:{listener.local[1]};branch=z9hG4bKold"
    line.send(sender, sender.request("OPTIONS", line.uri("x"), via=via))
    assert (await listener.get(200)).via.text == via.removeprefix("Via: ").encode()


@pytest.mark.rfc("3261", "a retransmitted INVITE is one call")
async def test_an_invite_retransmitted_while_the_desk_thinks_is_absorbed(line: Line) -> None:
    phone = await line.phone()
    token, worker = await line.worker()
    line.desk.gate.clear()
    invite = phone.request("INVITE", line.uri("100"))
    for _ in range(3):
        line.send(phone, invite)
        await phone.get(100)
    line.desk.gate.set()
    await worker.get("INVITE")
    assert len(line.desk.calls) == 1
    line.send(phone, invite)
    again = await worker.get("INVITE")
    line.answer(worker, token, again)
    await phone.get(200)
    assert len(line.desk.calls) == 1


@pytest.mark.rfc("3261", "CANCEL ends a call that rings: 200, and 487 to the INVITE")
async def test_cancel_reaches_the_worker_that_has_the_invite(line: Line) -> None:
    phone = await line.phone()
    _, worker = await line.worker()
    other, _ = await line.worker()
    invite = phone.request("INVITE", line.uri("100"), call_id="c@d", branch="z9hG4bKcancel")
    line.send(phone, invite)
    got = await worker.get("INVITE")
    cancel = phone.request("CANCEL", line.uri("100"), call_id="c@d", branch="z9hG4bKcancel")
    line.send(phone, cancel)
    cancelled = await worker.get("CANCEL")
    assert cancelled.via.branch == got.via.branch
    worker.respond(cancelled, 200, line.edge.internal_address)
    assert (await phone.get(200)).cseq.method == b"CANCEL"
    worker.respond(got, 487, line.edge.internal_address, tag="w")
    assert (await phone.get(487)).cseq.method == b"INVITE"
    ack = phone.request("ACK", line.uri("100"), call_id="c@d", branch="z9hG4bKcancel", to_tag="w")
    line.send(phone, ack)
    assert (await worker.get("ACK")).via.branch == got.via.branch
    assert other not in line.desk.left


@pytest.mark.rfc("3261", "CANCEL ends a call that rings: 200, and 487 to the INVITE")
async def test_a_caller_who_leaves_before_admission_costs_no_worker(line: Line) -> None:
    phone = await line.phone()
    token, worker = await line.worker()
    line.desk.gate.clear()
    same = {"call_id": "e@f", "branch": "z9hG4bKearly"}
    line.send(phone, phone.request("INVITE", line.uri("100"), **same))
    await phone.get(100)
    line.send(phone, phone.request("CANCEL", line.uri("100"), **same))
    first, second = await phone.get(200), await phone.get(487)
    assert (first.cseq.method, second.cseq.method) == (b"CANCEL", b"INVITE")
    line.send(phone, phone.request("ACK", line.uri("100"), to_tag="x", **same))
    line.desk.gate.set()
    await _until(lambda: line.desk.left == [token])
    assert worker.silent()


@pytest.mark.rfc("3261", "a failure is repeated over UDP until its ACK (timer G)")
async def test_a_refusal_is_repeated_until_its_ack(line: Line) -> None:
    phone = await line.phone()
    line.desk.refusal = Refused(404, "Not Found")
    same = {"call_id": "g@h", "branch": "z9hG4bKrefused"}
    line.send(phone, phone.request("INVITE", line.uri("999"), **same))
    first = await phone.get(404)
    assert bytes(await phone.get(404)) == bytes(first)
    tag = first.to.tag.decode()
    line.send(phone, phone.request("ACK", line.uri("999"), to_tag=tag, **same))
    await _until(lambda: line.edge.transactions == 0)
    while not phone.silent():
        await phone.raw()
    with pytest.raises(TimeoutError):
        await phone.raw(0.2)


@pytest.mark.rfc("3261", "no room: 503 with Retry-After")
async def test_no_room_is_503_with_retry_after(line: Line) -> None:
    phone = await line.phone()
    line.send(phone, phone.request("INVITE", line.uri("100")))
    assert (await phone.get(503)).text(b"retry-after") == b"5"


@pytest.mark.rfc("3261", "requests in a dialog follow the remote target")
async def test_requests_in_a_dialog_find_the_worker_by_token(line: Line) -> None:
    phone, token, worker = await line.established(call_id="i@j")
    _, idle = await line.worker()
    bye = phone.request("BYE", line.uri(f"w.{token}"), call_id="i@j", to_tag="wtag", cseq=2)
    line.send(phone, bye)
    got = await worker.get("BYE")
    assert got.get(b"record-route") is None
    worker.respond(got, 200, line.edge.internal_address)
    await phone.get(200)
    assert line.edge.dialogs == 0
    assert idle.silent()


@pytest.mark.rfc("3261", "requests in a dialog reach it where the far end does not use our Contact")
async def test_requests_in_a_dialog_find_the_worker_by_call_id_where_the_contact_is_ignored(
    line: Line,
) -> None:
    phone, _, worker = await line.established(call_id="k@l")
    update = phone.request("UPDATE", line.uri("100"), call_id="k@l", to_tag="wtag", cseq=2)
    line.send(phone, update)
    assert (await worker.get("UPDATE")).call_id == b"k@l"


@pytest.mark.rfc("3261", "OPTIONS in a dialog is answered, 481 where there is none")
async def test_the_edge_answers_options_inside_a_dialog(line: Line) -> None:
    phone, token, worker = await line.established(call_id="m@n")
    uri = line.uri(f"w.{token}")
    line.send(phone, phone.request("OPTIONS", uri, call_id="m@n", to_tag="wtag", cseq=2))
    assert b"INVITE" in (await phone.get(200)).text(b"allow")
    line.send(phone, phone.request("OPTIONS", uri, call_id="m@n", to_tag="nobody", cseq=3))
    await phone.get(200)
    gone = line.uri("w.gone")
    line.send(phone, phone.request("OPTIONS", gone, call_id="z@n", to_tag="nobody"))
    await phone.get(481)
    assert worker.silent()


@pytest.mark.parametrize(
    ("method", "user", "to_tag", "status"),
    [
        ("OPTIONS", "anything", "", 200),
        ("BYE", "100", "nobody", 481),
        ("BYE", "w.gone", "nobody", 481),
        ("BYE", "100", "", 481),
        ("CANCEL", "100", "", 481),
        ("INVITE", "w.gone", "", 404),
        ("INVITE", "w.gone", "nobody", 481),
        ("REGISTER", "100", "", 405),
        ("SUBSCRIBE", "100", "", 405),
        ("NEWMETHOD", "100", "", 405),
    ],
)
@pytest.mark.rfc("3261", "a request no dialog or method fits gets 481, 405, 404 or 483")
async def test_what_leads_nowhere_is_answered_by_the_edge(
    line: Line, method: str, user: str, to_tag: str, status: int
) -> None:
    phone = await line.phone()
    _, worker = await line.worker()
    line.send(phone, phone.request(method, line.uri(user), to_tag=to_tag))
    answer = await phone.get(status)
    assert answer.to.tag
    assert worker.silent()
    assert line.desk.calls == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ((b"Max-Forwards: 70", b"Max-Forwards: 0"), 483),
        ((b"Max-Forwards: 70", b"Max-Forwards: many"), 400),
        ((b"INVITE sip:100@", b"INVITE tel:100@"), 416),
        ((b"INVITE sip:100@", b"INVITE <sip:100>@"), 400),
        ((b"Contact: <sip:", b"Contact: <tel:"), 400),
        ((b"Contact: ", b"X-Contact: "), 400),
        ((b"Contact: ", b"Require: 100rel, nothing-known\r\nContact: "), 420),
        ((b"Contact: ", b"Proxy-Require: 100rel\r\nContact: "), 420),
        ((b"Contact: ", b"Replaces: nobody;to-tag=1;from-tag=2\r\nContact: "), 481),
        ((b"CSeq: 1 INVITE", b"CSeq: 1 BYE"), 400),
        ((b"SIP/2.0\r\nVia", b"SIP/7.0\r\nVia"), 505),
    ],
)
@pytest.mark.rfc("3261", "an INVITE that cannot be served is refused with the status the RFC names")
async def test_an_invite_that_cannot_be_served_is_refused_before_it_costs_a_worker(
    line: Line, change: tuple[bytes, bytes], status: int
) -> None:
    phone = await line.phone()
    _, worker = await line.worker()
    invite = phone.request("INVITE", line.uri("100"))
    assert change[0] in invite
    line.send(phone, invite.replace(*change))
    await phone.get(status)
    assert worker.silent()
    assert line.desk.calls == []


@pytest.mark.rfc("3261", "OPTIONS outside a dialog says what we take, Max-Forwards 0 or not (11)")
async def test_options_asks_if_we_are_alive_whatever_hops_are_left(line: Line) -> None:
    phone = await line.phone()
    ping = phone.request("OPTIONS", line.uri("x")).replace(b"Forwards: 70", b"Forwards: 0")
    line.send(phone, ping)
    await phone.get(200)


@pytest.mark.rfc("3261", "the ACK to a failure ends with the hop that sent it")
async def test_acks_to_our_own_failures_are_absorbed(line: Line) -> None:
    phone = await line.phone()
    _, worker = await line.worker()
    same = {"call_id": "o@p", "branch": "z9hG4bKown"}
    line.send(phone, phone.request("INVITE", line.uri("w.x"), **same))
    tag = (await phone.get(404)).to.tag.decode()
    line.send(phone, phone.request("ACK", line.uri("w.x"), to_tag=tag, **same))
    line.send(phone, phone.request("OPTIONS", line.uri("x")))
    await phone.get(200)
    assert phone.silent()
    assert worker.silent()


@pytest.mark.rfc("3261", "a merged request gets 482 (8.2.2.2)")
async def test_the_same_invite_over_two_paths_is_one_call(line: Line) -> None:
    phone = await line.phone()
    _, worker = await line.worker()
    line.send(phone, phone.request("INVITE", line.uri("100"), call_id="q@r"))
    await worker.get("INVITE")
    line.send(phone, phone.request("INVITE", line.uri("100"), call_id="q@r"))
    await phone.get(482)
    assert len(line.desk.calls) == 1


@pytest.mark.rfc(
    "3891", "an INVITE with Replaces reaches the dialog it names, 481 where there is none"
)
async def test_replaces_goes_to_the_worker_that_has_the_dialog(line: Line) -> None:
    _, token, worker = await line.established(call_id="s@t")
    other = await line.phone()
    replaces = "Replaces: s@t;to-tag=wtag;from-tag=caller"
    uri = line.uri(f"w.{token}")
    line.send(other, other.request("INVITE", uri, from_tag="new", extra=(replaces,)))
    got = await worker.get("INVITE")
    assert got.text(b"x-sipagent-replaces") == b"s@t"
    assert got.get(b"replaces") is None
    assert len(line.desk.calls) == 1


@pytest.mark.rfc("5630", "a call to a sips URI is taken")
async def test_sips_is_sip_for_a_worker(line: Line) -> None:
    phone = await line.phone()
    _, worker = await line.worker()
    line.send(phone, phone.request("INVITE", line.uri("100").replace("sip:", "sips:")))
    assert (await worker.get("INVITE")).uri.startswith(b"sip:100@")


async def test_bulky_headers_are_left_out_for_a_worker_but_told_to_the_desk(line: Line) -> None:
    phone = await line.phone()
    _, worker = await line.worker()
    extra = ("Identity: " + "i" * 3000, "User-Agent: small", "X-Note: " + "n" * 1500)
    line.send(phone, phone.request("INVITE", line.uri("100"), extra=extra))
    got = await worker.raw()
    assert len(got) < 4000
    assert b"Identity" not in got
    assert b"User-Agent" in got
    assert line.desk.calls[0].headers["Identity"] == "i" * 3000


@pytest.mark.parametrize("size", [5_000, 30_000])
@pytest.mark.rfc("3261", "a request too large gets 513")
async def test_what_a_worker_cannot_read_is_513(line: Line, size: int) -> None:
    phone = await line.phone()
    token, worker = await line.worker()
    line.send(phone, phone.request("INVITE", line.uri("100"), body="x" * size))
    await phone.get(513)
    assert worker.silent()
    assert line.desk.left == ([token] if size < 16_000 else [])


@pytest.mark.rfc("3261", "credentials for us are taken out before a request goes on (22.3)")
async def test_a_worker_gets_neither_routes_nor_credentials(line: Line) -> None:
    phone = await line.phone()
    _, worker = await line.worker()
    host, port = line.public
    extra = (f"Route: <sip:{host}:{port};lr>", 'Authorization: Digest realm="elsewhere"')
    line.send(phone, phone.request("INVITE", line.uri("100"), extra=extra))
    got = await worker.get("INVITE")
    assert got.get(b"route") is None
    assert got.get(b"authorization") is None


async def test_a_desk_that_does_not_answer_in_time_is_503(line: Line) -> None:
    phone = await line.phone()
    line.desk.gate.clear()
    line.send(phone, phone.request("INVITE", line.uri("100")))
    await phone.get(503)


async def test_finished_transactions_are_forgotten(line: Line) -> None:
    phone, token, _ = await line.established()
    assert line.edge.transactions == 1
    line.edge.worker_gone(token)
    await phone.get("BYE")
    await _until(lambda: line.edge.transactions == 0)
    assert line.edge.dialogs == 0


@pytest.mark.rfc("3261", "a proxy leaves bodies and headers it does not know as they are")
async def test_the_body_and_unknown_headers_pass_untouched(line: Line) -> None:
    phone = await line.phone()
    _, worker = await line.worker()
    odd = "X-ODD :   spaced\t\xe9 and\r\n  folded"
    line.send(phone, phone.request("INVITE", line.uri("100"), extra=(odd,), body="v=0\r\n"))
    got = await worker.raw()
    assert odd.encode() in got
    assert got.endswith(b"\r\n\r\nv=0\r\n")
    assert re.search(rb"Via: SIP/2.0/UDP [^\r]*;f=", got)


async def _until(true: Any) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.01)
