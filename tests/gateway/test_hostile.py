"""INVITEs that kill naive SIP stacks: after each of them a clean call is answered and talks."""

import random
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from sipagent.config import Limits
from sipagent.edge.headers import Bad
from sipagent.edge.message import Message, parse
from sipagent.events import CallEnded
from sipagent.testing.frontdoor import PATIENCE, SipPeer, TcpPeer, UdpPeer
from sipagent.testing.phone import Phone
from sipagent.testing.server import Server, running

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("hostile")]

TALKS, REFUSES = "100", "101"
PLANS = {
    "talks": f"""
routes: [{{to: "{TALKS}"}}]
sections:
  main: [answer, {{play: "say:Good morning, this is a test of speech."}}]
""",
    "refuses": f"""
routes: [{{to: "{REFUSES}"}}]
sections:
  main: [{{hangup: busy}}]
""",
}
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n"
    "c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
)


class Attack:
    """A hostile caller: makes one INVITE after the other."""

    def __init__(self, server: Server, peer: SipPeer) -> None:
        self.server = server
        self.peer = peer

    def invite(
        self,
        number: str = TALKS,
        *extra: str,
        body: str = SDP,
        contact: str | None = None,
        call_id: str | None = None,
    ) -> bytes:
        uri = self.server.uri(number)
        return self.peer.request(
            "INVITE", uri, extra=extra, body=body, contact=contact, call_id=call_id
        )

    def send(self, data: bytes) -> None:
        if isinstance(self.peer, UdpPeer):
            self.peer.send(data, self.server.address("udp"))
        elif isinstance(self.peer, TcpPeer):
            self.peer.send(data)

    async def provoke(self, invite: bytes, *, silent: bool = False) -> int:
        """Send it; the final status, or 0 where silence is right and there is some. A call that
        came about is ended.
        """
        counters = self.server.gateway.edge.counters
        bad = counters.bad
        self.send(invite)
        if silent:  # what cannot be read is counted, and what has not come to its end is awaited
            with suppress(TimeoutError):
                await self.server.wait_for(
                    lambda: counters.bad > bad or not self.peer.silent(), timeout=1.0
                )
        try:
            while True:
                data = await self.peer.raw(0.1 if silent else PATIENCE)
                status = int(data.split(b" ", 2)[1])
                if status >= 200:
                    break
        except TimeoutError:
            if not silent:
                raise
            return 0
        # The answer to what cannot be read cannot be read either, and ends nothing.
        with suppress(Bad):
            self._settle(parse(invite), parse(data))
        return status

    def _settle(self, sent: Message, answer: Message) -> None:
        """ACK, and BYE where there is a call."""
        request = partial(
            self.peer.request,
            call_id=answer.call_id.decode("latin-1"),
            from_tag=answer.from_.tag.decode("latin-1"),
            to_tag=answer.to.tag.decode("latin-1"),
        )
        number = answer.cseq.number
        if answer.status >= 300:
            uri, branch = sent.uri.decode("latin-1"), sent.via.branch.decode("latin-1")
            self.send(request("ACK", uri, cseq=number, branch=branch))
            return
        uri = answer.text(b"contact").decode("latin-1").strip("<>")
        self.send(request("ACK", uri, cseq=number))
        self.send(request("BYE", uri, cseq=number + 1))


Make = Callable[[Attack], bytes]


def offer(body: str) -> Make:
    return lambda attack: attack.invite(body=body)


def extra(*lines: str) -> Make:
    return lambda attack: attack.invite(TALKS, *lines)


def without(name: str) -> Make:
    def make(attack: Attack) -> bytes:
        head, _, body = attack.invite().partition(b"\r\n\r\n")
        lines = [x for x in head.split(b"\r\n") if not x.startswith(name.encode() + b":")]
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    return make


def swapped(old: bytes, new: bytes) -> Make:
    def make(attack: Attack) -> bytes:
        data = attack.invite()
        assert old in data
        return data.replace(old, new, 1)

    return make


def length(value: str) -> Make:
    return swapped(f"Content-Length: {len(SDP)}".encode(), f"Content-Length: {value}".encode())


def garbage(attack: Attack) -> bytes:
    return b"INVITE " + random.Random(1).randbytes(600) + b"\r\n\r\n"


def unique(text: str) -> str:
    return f"{text}{secrets.token_hex(4)}"


VIA = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK"
NO_CALL = (0, 400)
REFUSED = (400, 488, 415)
#: what to send, and which final statuses are right; 0 is silence
ATTACKS: dict[str, tuple[Make, tuple[int, ...]]] = {
    "refused at once without an offer": (lambda a: a.invite(REFUSES, body=""), (486,)),
    "refused at once": (lambda a: a.invite(REFUSES), (486,)),
    "refused with a broken offer": (lambda a: a.invite(REFUSES, body="v=0"), (486, *REFUSED)),
    "offerless": (lambda a: a.invite(body=""), (200,)),
    "headers of 6 kB": (extra(*[f"X-Filler-{i}: {'x' * 500}" for i in range(12)]), (200,)),
    "one header of 8 kB": (extra("X-Filler: " + "x" * 8000), (200,)),
    "40 kB": (extra(*["X-Filler: " + "x" * 2000] * 20), (513,)),
    "vias of 6 kB": (extra(*[f"{VIA}{'y' * 90}{i}" for i in range(50)]), (200, 400, 513)),
    "many vias": (extra(*[f"{VIA}{i}" for i in range(60)]), (200, 400, 513)),
    "an offer of 8 kB": (offer(SDP + "a=x:" + "y" * 8000 + "\r\n"), (513,)),
    "an offer that is no SDP": (offer("hello"), REFUSED),
    "an offer cut short": (offer("v=0\r\n"), REFUSED),
    "an offer without media": (offer(SDP.partition("m=")[0]), REFUSED),
    "an offer without address": (offer(SDP.replace("c=IN IP4 127.0.0.1\r\n", "")), REFUSED),
    "an offer to nowhere": (offer(SDP.replace("c=IN IP4 127.0.0.1", "c=IN IP4 x.invalid")), (488,)),
    "an offer to port 99999": (offer(SDP.replace("4000", "99999")), (400,)),
    "an offer to port -1": (offer(SDP.replace("4000", "-1")), (400,)),
    "an offer to port 0": (offer(SDP.replace("4000", "0")), (488,)),
    "an offer of video": (offer(SDP.replace("m=audio", "m=video")), REFUSED),
    "an offer of unknown codecs": (offer(SDP.replace("AVP 0", "AVP 126")), REFUSED),
    "an offer of 200 codecs": (
        offer(SDP.replace("AVP 0", "AVP " + " ".join(map(str, range(200))))),
        (200,),
    ),
    "an offer of 60 streams": (offer(SDP + "m=audio 4000 RTP/AVP 0\r\n" * 60), (200,)),
    "an offer with bare line feeds": (offer(SDP.replace("\r\n", "\n")), (200,)),
    "an offer of an odd rate": (offer(SDP + "a=rtpmap:0 PCMU/0\r\n"), (200,)),
    "an offer with a NUL": (offer(SDP.replace("s=-", "s=\0")), (200,)),
    "an offer of IPv6": (offer(SDP.replace("IP4 127.0.0.1", "IP6 ::1")), (488,)),
    "an offer of SRTP without keys": (offer(SDP.replace("RTP/AVP", "RTP/SAVP")), (406,)),
    "an offer of DTLS": (offer(SDP.replace("RTP/AVP", "UDP/TLS/RTP/SAVPF")), (488,)),
    "a body of another kind": (
        swapped(b"Content-Type: application/sdp", b"Content-Type: text/plain"),
        (415,),
    ),
    "a multipart body": (
        swapped(b"Content-Type: application/sdp", b"Content-Type: multipart/mixed;boundary=x"),
        (200,),
    ),
    "a body without type": (without("Content-Type"), (400,)),
    "garbage": (garbage, NO_CALL),
    **{f"no {name}": (without(name), (0, 400)) for name in ("To", "From", "Call-ID", "CSeq")},
    "no Via": (without("Via"), NO_CALL),
    "no Contact": (without("Contact"), (400,)),
    "no Max-Forwards": (without("Max-Forwards"), (200,)),
    "no hops left": (swapped(b"Max-Forwards: 70", b"Max-Forwards: 0"), (483,)),
    "a length beyond the end": (length("9999"), (0, 400)),
    "a length cut short": (length("7"), REFUSED),
    "a length of words": (length("many"), NO_CALL),
    "a negative length": (length("-1"), NO_CALL),
    "a huge length": (length("9" * 40), NO_CALL),
    "Replaces of no call": (extra("Replaces: nobody@nowhere;to-tag=a;from-tag=b"), (481,)),
    "Replaces of garbage": (extra('Replaces: ;;;==="<'), (400, 481)),
    "a NUL in a header": (extra("X-Nul: a\0b"), NO_CALL),
    "a lone line feed": (extra("X-Smuggled: a\nX-Evil: b"), NO_CALL),
    "sips": (swapped(b"INVITE sip:", b"INVITE sips:"), (200,)),
    "tel": (lambda a: a.peer.request("INVITE", "tel:100", body=SDP), (400, 416)),
    "an extension nobody knows": (extra("Require: antigravity"), (420,)),
    "a session of no time": (extra("Supported: timer", "Session-Expires: 1"), (200, 422)),
    "a session for ever": (extra("Supported: timer", f"Session-Expires: {10**30}"), (400,)),
    "a session of words": (extra("Supported: timer", "Session-Expires: soon"), (400,)),
    "bytes that are no text": (
        swapped(b"Max-Forwards", b"Subject: \xff\xfe\xc3\x28\r\nMax-Forwards"),
        (200,),
    ),
    "percent signs": (extra("Subject: %n%n%s%s%x%99999d"), (200,)),
    "no tag": (swapped(b";tag=caller", b""), (200,)),
    "a tag of 2 kB": (swapped(b";tag=caller", b";tag=" + b"t" * 2000), (200,)),
    "a star for a contact": (lambda a: a.invite(contact="Contact: *"), (400,)),
    "a contact elsewhere": (lambda a: a.invite(contact="Contact: <sip:x.invalid>"), (200,)),
    "a route of garbage": (extra("Record-Route: <<<>"), (400,)),
    "a call id of 2 kB": (lambda a: a.invite(call_id=unique("c" * 2000)), (200,)),
    "a call id of quotes": (lambda a: a.invite(call_id=unique("\"'<>%00\\")), (200, 400)),
    "a number of script": (lambda a: a.invite("${process.exit()}%0d%0a"), (400, 404)),
    "a worker's own address": (lambda a: a.invite("w.deadbeef"), (404,)),
    "credentials of garbage": (extra('Authorization: Digest username="\xff", =,,'), (200, 403)),
    "a subscription to a fork": (extra("Supported: 100rel", "Require: 100rel"), (200,)),
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running(tmp_path_factory.mktemp("server"), PLANS) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module", params=["udp", "tcp"])
async def attack(request: pytest.FixtureRequest, server: Server) -> AsyncIterator[Attack]:
    peer: UdpPeer | TcpPeer
    if request.param == "udp":
        peer = await UdpPeer.open()
        yield Attack(server, peer)
        peer.close()
    else:
        peer = await TcpPeer.connect(server.address("tcp"))
        yield Attack(server, peer)
        await peer.close()


def reasons(server: Server) -> list[str]:
    return [event.reason for event in server.events if isinstance(event, CallEnded)]


async def talks(server: Server) -> None:
    """A clean call is answered and says something."""
    async with Phone() as phone:
        call = await phone.dial(server.uri(TALKS))
        await call.wait_answered()
        await call.wait_for_speech(20)
        await call.hangup()


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.rfc(
    "3261", "a hostile INVITE is refused or answered and a clean call talks right after"
)
async def test_a_hostile_invite_costs_nothing_but_itself(attack: Attack, name: str) -> None:
    make, right = ATTACKS[name]
    status = await attack.provoke(make(attack), silent=0 in right)
    assert status in right
    await talks(attack.server)
    await attack.server.wait_for(lambda: attack.server.workers.stats.calls == 0)
    assert attack.server.gateway.edge.counters.exceptions == 0
    assert attack.server.workers.stats.counts.get("lost", 0) == 0


SYNTAX = [b"\r\n", b"\n", b"\0", b'"', b"<", b">", b";", b",", b":", b"=", b"@", b" ", b"-", b"%"]


def damaged(dice: random.Random, seed: bytes) -> bytes:
    """The seed with one to three places cut, overwritten or tripled."""
    data = bytearray(seed)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(data))
        size = dice.choice((0, 1, 1, 2))
        kind = dice.random()
        if kind < 0.25:
            data[at : at + size] = dice.choice(SYNTAX)
        elif kind < 0.75:
            data[at : at + 1] = bytes([dice.randrange(0x21, 0x7F)])
        else:
            data[at : at + size] = bytes(data[at : at + size]) * 3
    return bytes(data)


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(240)
async def test_a_clean_call_talks_after_two_thousand_damaged_ones(tmp_path: Path) -> None:
    """The same damage in every run. Nothing is acknowledged, and what a worker's stack drops
    without a word is the watchdog's; in the end the pool is as it was.
    """
    dice = random.Random(2000)
    limits = Limits(calls=60, calls_per_second=10_000)
    async with running(tmp_path, PLANS, limits=limits) as server:
        peer = await UdpPeer.open()
        attack = Attack(server, peer)
        for number in range(2000):
            attack.send(damaged(dice, attack.invite(REFUSES)))
            if number % 20 == 0:
                marker = f"{number}@marker"
                uri = server.uri(TALKS)
                attack.send(peer.request("OPTIONS", uri, call_id=marker))
                while marker.encode() not in await peer.raw(10):
                    pass
                # at full speed most of it would meet a busy server, not a worker
                await server.wait_for(lambda: server.workers.stats.idle > 1)
        counters = server.gateway.edge.counters
        assert counters.bad > 500
        assert counters.admitted > 100
        await server.wait_for(lambda: server.workers.stats.idle > 0)
        await talks(server)
        await server.idle(timeout=30)
        # what was forked for calls that gave up ends within a ping or two
        await server.wait_for(lambda: server.workers.stats.processes == Limits().warm)
        await server.idle()
        assert counters.exceptions == 0
        assert not [reason for reason in reasons(server) if "crashed" in reason]
        await talks(server)
        peer.close()
