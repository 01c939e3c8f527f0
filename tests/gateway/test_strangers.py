"""Strangers from the open internet: they learn nothing, reach nobody, and starve no trunk."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Network
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from pydantic import SecretStr

from sipagent.config import Bans, Guard, Sip, Trunk
from sipagent.config import Phone as Account
from sipagent.edge.message import Message, parse
from sipagent.testing.digest import authorization
from sipagent.testing.frontdoor import UdpPeer
from sipagent.testing.phone import Phone
from sipagent.testing.server import LISTEN, Server, running

STRANGER, TRUNK, VICTIM = "127.0.0.66", "127.0.0.9", "127.0.0.99"
PLAN = """
routes: [{to: "100"}]
sections:
  main: [answer, {sleep: {duration: 60000}}]
"""
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.66\r\ns=-\r\n"
    "c=IN IP4 127.0.0.66\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
)
SETTINGS: dict[str, Any] = {
    "sip": Sip(listen=LISTEN, guests=(IPv4Network("192.0.2.0/24"),)),
    "trunks": {"carrier": Trunk(host=TRUNK, addresses=(IPv4Network(f"{TRUNK}/32"),))},
    "phones": {"201": Account(password=SecretStr("s3cret"))},
}


@asynccontextmanager
async def peer(host: str) -> AsyncIterator[UdpPeer]:
    made = await UdpPeer.open(host)
    try:
        yield made
    finally:
        made.close()


async def answer(server: Server, who: UdpPeer, data: bytes) -> Message | None:
    """The final answer to a request; None where the edge chose to say nothing."""
    counters = server.gateway.edge.counters
    silenced = counters.silenced
    waiting = asyncio.ensure_future(final(server, who, data))
    await server.wait_for(lambda: counters.silenced > silenced or waiting.done())
    if not waiting.done():
        waiting.cancel()
        return None
    return await waiting


async def final(server: Server, who: UdpPeer, data: bytes) -> Message:
    """The final answer to a request. Raises TimeoutError."""
    who.send(data, server.address())
    call_id = parse(data).call_id
    while True:
        heard = parse(await who.raw())
        if heard.status >= 200 and heard.call_id == call_id:
            return heard


def shape(reply: Message | None, number: str) -> str:
    """What a scanner can see of an answer, less what differs from request to request."""
    if reply is None:
        return "silence"
    # first what is random, which may hold the number by chance
    random = r'(branch|tag|nonce)="?[^;,\s"]+|call[0-9]+@test|rport=\d+|:\d{4,5}\b'
    return re.sub(random, "", bytes(reply).decode()).replace(number, "NUMBER")


async def test_there_is_nothing_to_tell_an_extension_that_exists_from_one_that_does_not(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, PLAN, **SETTINGS) as server, peer(STRANGER) as scanner:
        for method in ("REGISTER", "INVITE", "OPTIONS", "MESSAGE", "SUBSCRIBE"):
            shapes = set()
            for number in ("100", "201", "299", "999"):  # a plan, a phone, nobody, nobody
                request = scanner.request(method, server.uri(number), user=number)
                shapes.add(shape(await answer(server, scanner, request), number))
            assert len(shapes) == 1, shapes
        # the same for credentials: a wrong password, and the right one of nobody
        for method in ("REGISTER", "INVITE"):
            shapes = set()
            for number in ("201", "299"):
                uri = server.uri(number)
                ask = scanner.request(method, uri, user=number, call_id=f"{method}{number}@s")
                challenged = await answer(server, scanner, ask)
                assert challenged is not None
                proof = authorization(
                    challenged.text(b"www-authenticate").decode(),
                    "guess",
                    user=number,
                    method=method,
                    uri=uri,
                )
                told = scanner.request(method, uri, user=number, cseq=2, extra=(proof,))
                shapes.add(shape(await answer(server, scanner, told), number))
            assert len(shapes) == 1, shapes


def relayed(scanner: UdpPeer, server: Server, victim: UdpPeer) -> list[bytes]:
    """What an open relay would send on to the victim."""
    host, port = server.address()
    there = f"{victim.local[0]}:{victim.local[1]}"
    ours = f"<sip:{host}:{port};lr>"
    inside = server.gateway.edge.internal_address
    uri = f"sip:+4490012345@{there}"
    routes = (
        (f"Route: <sip:{there};lr>",),
        (f"Route: {ours}, <sip:{there};lr>",),
        (f"Route: <sip:{inside[0]}:{inside[1]};lr;fl=1!{victim.local[0]}!{victim.local[1]}>",),
        (f"Route: {ours}", f"Refer-To: <sip:x@{there}>", "Referred-By: <sip:100@x>"),
        ("X-Sipagent-Trunk: carrier",),
        (f"Record-Route: <sip:{there};lr>", f"Path: <sip:{there};lr>"),
        (f"P-Asserted-Identity: <sip:201@{host}>", "Remote-Party-ID: <sip:201@x>;screen=yes"),
    )
    asks = [
        scanner.request(method, to, extra=extra, body=SDP if method == "INVITE" else "")
        for method in ("INVITE", "REFER", "MESSAGE", "OPTIONS", "BYE", "ACK", "NOTIFY", "INFO")
        for extra in routes
        for to in (uri, server.uri("100"))
    ]
    spoofed = f"Via: SIP/2.0/UDP {there};branch=z9hG4bKevil"
    received = (
        f"Via: SIP/2.0/UDP {there};received={victim.local[0]};rport={victim.local[1]};branch=z9"
    )
    asks += [scanner.request("INVITE", server.uri("100"), via=via) for via in (spoofed, received)]
    asks.append(scanner.request("INVITE", server.uri("100"), contact=f"Contact: <sip:x@{there}>"))
    answers = (
        f"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bKx\r\n"
        f"Via: SIP/2.0/UDP {there};branch=z9hG4bKy\r\nFrom: <sip:a@b>;tag=1\r\n"
        "To: <sip:a@b>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    )
    return [*asks, answers.encode()]


async def test_no_message_of_a_stranger_is_sent_on_to_anybody(tmp_path: Path) -> None:
    guard = Guard(
        methods_per_second={}, messages_per_second=1000, bans=Bans(extensions=0, refusals=0)
    )
    async with (
        running(tmp_path, PLAN, **SETTINGS, guard=guard) as server,
        peer(STRANGER) as scanner,
        peer(VICTIM) as victim,
        peer(TRUNK) as carrier,
    ):
        for data in relayed(scanner, server, victim):
            scanner.send(data, server.address())
        marker = scanner.request("REGISTER", server.uri("201"), call_id="last@marker")
        await final(server, scanner, marker)
        assert server.gateway.edge.counters.received > 100
        assert victim.silent()
        assert carrier.silent()
        assert server.workers.stats.counts.get("taken", 0) == 0
        assert server.gateway.edge.counters.exceptions == 0


async def test_a_referral_to_a_foreign_place_in_a_call_of_ours_is_refused(tmp_path: Path) -> None:
    async with (
        running(tmp_path, PLAN, **SETTINGS) as server,
        Phone(host=TRUNK) as caller,
        peer(VICTIM) as victim,
    ):
        call = await caller.dial(server.uri("100"))
        await call.wait_answered()
        outcome = await call.refer(f"sip:+449001@{victim.local[0]}:{victim.local[1]}", timeout=3)
        assert not outcome.ok
        await call.hangup()
        assert victim.silent()


@pytest.mark.rfc("7616", "a captured Authorization is good for nothing, here or elsewhere")
@pytest.mark.rfc("8760", "digest with SHA-256 beside MD5, challenge and proof")
async def test_a_stolen_authorization_lets_nobody_in(tmp_path: Path) -> None:
    async with (
        running(tmp_path, PLAN, **SETTINGS) as server,
        peer("127.0.0.20") as phone,
        peer(STRANGER) as thief,
    ):
        uri = server.uri("100")
        asked = await answer(server, phone, phone.request("INVITE", uri, call_id="real@1"))
        assert asked is not None
        assert asked.status == 401
        offered = [h.value.decode() for h in asked.headers if h.key == b"www-authenticate"]
        assert ["SHA-256" in offered[0], "MD5" in offered[1]] == [True, True]
        proof = authorization(offered[0], "s3cret", user="201", uri=uri, algorithm="SHA-256")
        good = phone.request("INVITE", uri, call_id="real@1", cseq=2, extra=(proof,), body=SDP)
        answered = await answer(server, phone, good)
        assert answered is not None
        assert answered.status == 200
        before = server.workers.stats.counts["taken"]
        for who in (thief, phone):  # overheard on the way; the phone's own machine is no better
            again = who.request("INVITE", uri, call_id=f"theft@{who.local[0]}", extra=(proof,))
            refused = await answer(server, who, again)
            assert refused is not None
            assert refused.status == 401
            assert b"stale=true" in refused.text(b"www-authenticate")
            other = who.request("INVITE", server.uri("900"), extra=(proof,), call_id="o@t")
            refused = await answer(server, who, other)
            assert refused is not None
            assert refused.status in (401, 403)
        assert server.workers.stats.counts["taken"] == before


async def flood(server: Server, seconds: float, rate: float) -> int:
    """A stranger sends messages of all kinds; how many."""
    sent, loop = 0, asyncio.get_running_loop()
    async with peer(STRANGER) as stranger:
        began = loop.time()
        while (now := loop.time()) - began < seconds:
            # what is overdue goes in pieces: all at once it would not fit into the kernel's buffer
            due = min((now - began) * rate, sent + 50)
            while sent < due:
                method = ("INVITE", "REGISTER", "OPTIONS", "MESSAGE", "BYE")[sent % 5]
                uri = server.uri(str(100 + sent % 900))
                stranger.send(stranger.request(method, uri, body=SDP), server.address())
                sent += 1
            await asyncio.sleep(0.005)
    return sent


@pytest.mark.slow
@pytest.mark.alone
async def test_a_trunk_is_answered_while_a_stranger_floods(tmp_path: Path) -> None:
    """500 messages a second, with and without the ban that would end it."""
    guard = Guard(bans=Bans(flood=0, extensions=0, refusals=0))
    async with running(tmp_path, PLAN, **SETTINGS, guard=guard) as server:
        flooding = asyncio.create_task(flood(server, 12.0, 500.0))
        setups: list[float] = []
        async with Phone(host=TRUNK) as caller:
            while not flooding.done():
                call = await caller.dial(server.uri("100"))
                await call.wait_answered(20)
                setups.append(call.times.setup_ms or 0.0)
                await call.hangup()
                await asyncio.sleep(0.1)
        sent = await flooding
        counters = server.gateway.edge.counters
        assert sent > 4_000
        assert len(setups) > 20
        # a trunk that starves waits nearly always, a busy machine now and then
        assert median(setups) < 2_000
        assert max(setups) < 10_000
        assert counters.silenced > sent * 0.8
        assert counters.exceptions == 0
        await server.idle()
