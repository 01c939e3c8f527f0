"""SIP MESSAGE at the door: who may, what, how much; to phones, to numbers, from workers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import SecretStr

from sipagent.config import Listener, Messages, Phone, Settings, Sip, Trunk
from sipagent.edge.desk import Refused
from sipagent.edge.message import Message
from sipagent.testing.frontdoor import UdpPeer
from sipagent.testing.registering import Registering
from sipagent.testing.sip import digest
from sipagent.testing.sip.digest import Credentials
from sipagent.testing.sip.message import Response
from sipagent.testing.sip.message import parse as parse_text

Line = Any
Lines = Callable[..., Awaitable[Line]]
LISTEN = (Listener(port=0), Listener(transport="tcp", port=0))
PHONES = {
    "201": Phone(password=SecretStr("s3cret"), display_name="Ann"),
    "202": Phone(password=SecretStr("s3cret")),
}
TEXT = "text/plain;charset=utf-8"


@pytest.fixture
async def line(lines: Lines) -> Line:
    return await lines(Settings(sip=Sip(listen=LISTEN), phones=PHONES))


def message(peer: UdpPeer, uri: str, body: str, kind: str = TEXT, **more: Any) -> bytes:
    data = peer.request("MESSAGE", uri, body=body, **more)
    return data.replace(b"application/sdp", kind.encode())


async def place(line: Line, extension: str) -> UdpPeer:
    """Somewhere a phone is registered."""
    peer = await line.phone()
    phone = Registering(peer, lambda data: line.send(peer, data), line.uri(extension))
    assert (await phone.register(phone.contact())).status == 200
    return peer  # type: ignore[no-any-return]


def take(line: Line, peer: UdpPeer, text: Message, status: int = 200) -> None:
    peer.respond(text, status, line.public)


@pytest.mark.rfc("3428", "MESSAGE to a registered phone, its answer relayed")
async def test_a_text_reaches_a_phone_and_its_answer_the_sender(line: Line) -> None:
    sender, ann = await line.phone(), await place(line, "201")
    line.send(sender, message(sender, line.uri("201"), "Grüße"))
    got = await ann.get("MESSAGE")
    assert (got.body.decode(), got.text(b"content-type")) == ("Grüße", TEXT.encode())
    assert got.from_.uri.startswith(b"sip:alice@")
    assert got.get(b"contact") is None  # RFC 3428 section 4
    take(line, ann, got)
    assert (await sender.get(200)).to.tag


async def test_a_text_rings_every_place_and_one_answer_is_enough(line: Line) -> None:
    sender = await line.phone()
    desk, mobile = await place(line, "202"), await place(line, "202")
    line.send(sender, message(sender, line.uri("202"), "hello"))
    take(line, desk, await desk.get("MESSAGE"), 486)
    take(line, mobile, await mobile.get("MESSAGE"), 202)
    assert (await sender.get(202)).status == 202


async def test_where_nobody_is_registered_or_takes_it_the_sender_hears_so(line: Line) -> None:
    sender = await line.phone()
    line.send(sender, message(sender, line.uri("201"), "hello"))
    await sender.get(480)
    ann = await place(line, "201")
    line.send(sender, message(sender, line.uri("201"), "hello"))
    take(line, ann, await ann.get("MESSAGE"), 488)
    await sender.get(488)


@pytest.mark.rfc("3428", "a retransmitted MESSAGE is delivered once")
async def test_a_text_sent_again_is_delivered_once(line: Line) -> None:
    sender, ann = await line.phone(), await place(line, "201")
    data = message(sender, line.uri("201"), "once", branch="z9hG4bKsame")
    line.send(sender, data)
    line.send(sender, data)
    take(line, ann, await ann.get("MESSAGE"))
    first = bytes(await sender.get(200))
    line.send(sender, data)
    assert bytes(await sender.get(200)) == first
    while not ann.silent():  # sent again by us before it was answered
        again = await ann.get("MESSAGE")
        assert again.via.branch
    line.send(sender, message(sender, line.uri("100"), "to the desk"))
    await sender.get(202)
    assert len(line.desk.texts) == 1


@pytest.mark.rfc("3428", "MESSAGE to a number of the dialplan: 202, or 404")
async def test_a_text_to_a_number_is_the_desks(line: Line) -> None:
    sender = await line.phone()
    line.send(sender, message(sender, line.uri("100"), "hello desk"))
    await sender.get(202)
    (text,) = line.desk.texts
    assert (text.number, text.text, text.account) == ("100", "hello desk", None)
    assert text.source == sender.local
    line.desk.refusal = Refused(404, "Not Found")
    line.send(sender, message(sender, line.uri("999"), "anybody?"))
    await sender.get(404)


@pytest.mark.rfc("3428", "MESSAGE: 415 with Accept, 513, 503 beyond the rate")
async def test_what_cannot_be_taken_is_refused_with_its_reason(lines: Lines) -> None:
    limits = Messages(max_bytes=100, per_minute=4)
    line = await lines(Settings(sip=Sip(listen=LISTEN), messages=limits))
    sender, uri = await line.phone(), line.uri("100")
    line.send(sender, message(sender, uri, "<b>hi</b>", "text/html"))
    assert (await sender.get(415)).text(b"accept") == b"text/plain"
    line.send(sender, message(sender, uri, "x" * 101))
    await sender.get(513)
    line.send(sender, message(sender, uri, "hi", "text/plain;charset=klingon"))
    await sender.get(415)
    line.send(sender, message(sender, uri, "hi", extra=("Require: teleport",)))
    assert (await sender.get(420)).text(b"unsupported") == b"teleport"
    for _ in range(4):
        line.send(sender, message(sender, uri, "hi"))
        await sender.get(202)
    line.send(sender, message(sender, uri, "one more"))
    assert (await sender.get(503)).get(b"retry-after") is not None
    assert [text.text for text in line.desk.texts] == ["hi"] * 4


@pytest.mark.rfc("3428", "MESSAGE is authenticated as calls are")
async def test_a_stranger_proves_itself_and_is_known_by_what_it_proved(lines: Lines) -> None:
    sip = Sip(listen=LISTEN, guests=())
    line = await lines(Settings(sip=sip, phones=PHONES))
    bob, ann = await place(line, "202"), await place(line, "201")
    uri = line.uri("202")
    line.send(ann, message(ann, uri, "hello", user="mallory", cseq=1))
    challenge = parse_text(bytes(await ann.get(401)))
    assert isinstance(challenge, Response)
    for password, status in (("guess", 403), ("s3cret", 200)):
        proof = digest.answer(challenge, Credentials("201", password), "MESSAGE", uri)
        assert proof is not None
        line.send(
            ann, message(ann, uri, "hello", user="mallory", cseq=2, extra=(": ".join(proof),))
        )
        if status == 200:
            got = await bob.get("MESSAGE")
            # whatever it wrote into From
            assert got.text(b"from").startswith(b'"Ann" <sip:201@')
            take(line, bob, got)
        await ann.get(status)


@pytest.mark.rfc("3428", "MESSAGE within a call: 415 with Accept, 513")
async def test_in_a_call_only_texts_reach_the_worker(line: Line) -> None:
    phone, token, worker = await line.established(call_id="t@c")
    uri = line.uri(f"w.{token}")

    def say(cseq: int, body: str, kind: str = TEXT) -> None:
        line.send(
            phone,
            message(phone, uri, body, kind, call_id="t@c", to_tag="wtag", cseq=cseq),
        )

    say(2, "<b/>", "text/html")
    await phone.get(415)
    say(3, "x" * 1400)
    await phone.get(513)
    say(4, "hello")
    got = await worker.get("MESSAGE")
    assert (got.cseq.number, got.body) == (4, b"hello")


# from workers


def of_worker(line: Line, worker: UdpPeer, uri: str, body: str, *extra: str) -> None:
    data = message(worker, uri, body, extra=(line.route(), *extra), user="sipagent")
    worker.send(data, line.edge.internal_address)


async def test_a_worker_texts_a_phone_of_ours(line: Line) -> None:
    _, worker = await line.worker(waiting=False)
    ann = await place(line, "201")
    of_worker(line, worker, line.uri("201"), "your order", "X-Sipagent-Sender: <sip:100@us>")
    got = await ann.get("MESSAGE")
    assert (got.from_.uri, got.body) == (b"sip:100@us", b"your order")
    assert not any(h.key.startswith(b"x-sipagent") for h in got.headers)
    take(line, ann, got)
    await worker.get(200)
    of_worker(line, worker, line.uri("202"), "nobody there")
    await worker.get(480)


@pytest.mark.rfc("3428", "MESSAGE sent by a trunk, with digest, and elsewhere")
async def test_a_worker_texts_by_a_trunk_that_asks_who_we_are(lines: Lines) -> None:
    carrier = await UdpPeer.open()
    trunk = Trunk(
        host="127.0.0.1",
        port=carrier.local[1],
        username="me",
        password=SecretStr("pw"),
    )
    line = await lines(Settings(sip=Sip(listen=LISTEN), trunks={"pbx": trunk}))
    try:
        _, worker = await line.worker(waiting=False)
        uri = f"sip:+44123@127.0.0.1:{carrier.local[1]}"
        marks = ("X-Sipagent-Trunk: pbx", "X-Sipagent-Sender: <sip:+44999@pbx.example>")
        of_worker(line, worker, uri, "hello", *marks)
        first = await carrier.get("MESSAGE")
        asked = (("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5'),)
        carrier.respond(first, 401, line.public, extra=asked)
        second = await carrier.get("MESSAGE")
        assert second.call_id == first.call_id
        assert second.cseq.number == first.cseq.number + 1
        assert b'username="me"' in second.text(b"authorization")
        assert (second.uri.decode(), second.from_.uri) == (uri, b"sip:+44999@pbx.example")
        carrier.respond(second, 202, line.public)
        await worker.get(202)
        of_worker(line, worker, uri, "again")
        carrier.respond(await carrier.get("MESSAGE"), 404, line.public)
        assert (await worker.get(404)).start.endswith(b"Not Found")
    finally:
        carrier.close()


async def test_a_text_nobody_answers_is_told_to_the_worker(line: Line) -> None:
    _, worker = await line.worker(waiting=False)
    silent = await line.phone()
    of_worker(line, worker, f"sip:bob@127.0.0.1:{silent.local[1]}", "hello?")
    answer = await worker.get(408)
    assert b"no answer" in answer.start
    await asyncio.sleep(0)
