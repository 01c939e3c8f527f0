"""Topology: what leaves the server tells nothing of what is behind it."""

import re
import socket
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from sipagent.config import Listener, Rtp, Sip, Trunk
from sipagent.edge.listeners import LOOP, Listeners, Peer
from sipagent.edge.message import parse
from sipagent.errors import LegFailed
from sipagent.testing.frontdoor import UdpPeer
from sipagent.testing.phone import Phone, answer_after, refuse_with, ring_for_ever
from sipagent.testing.server import Server, running

#: the server, and everybody else; workers and the edge's own inside are on 127.0.0.1
SERVER, CALLER, CARRIER = "127.0.0.5", "127.0.0.6", "127.0.0.7"
SIP = Sip(
    listen=(Listener(host=SERVER, port=0), Listener(host=SERVER, transport="tcp", port=0)),
    guests=(IPv4Network(f"{CALLER}/32"),),
)
STEPS = {
    "100": "[answer, {sleep: {duration: 60000}}]",
    "101": "[{hangup: busy}]",
    "102": '[{connect: {to: "+442079460018", answer_on_bridge: true}}, hangup]',
    "103": '[answer, {sip_refer: {to_uri: "CARRIER"}}, hangup]',
    "104": '[{connect: {to: "CARRIER", answer_on_bridge: true}}, hangup]',
}
#: what nobody outside should read: our inside, the stack's name, versions, this machine's name
INSIDE = re.compile(
    rb"127\.0\.0\.1\b|pjsip|pjproject|pjsua|pjmedia|python|/[0-9]+\.[0-9]+", re.IGNORECASE
)
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.6\r\ns=-\r\n"
    "c=IN IP4 127.0.0.6\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every message that leaves by a public socket or connection."""
    seen: list[bytes] = []
    send = Listeners.send

    def noted(self: Listeners, data: bytes, peer: Peer) -> bool:
        if peer.flow != LOOP:
            seen.append(data)
        return send(self, data, peer)

    monkeypatch.setattr(Listeners, "send", noted)
    return seen


async def refused(phone: Phone, uri: str) -> int:
    with pytest.raises(LegFailed) as no:
        await (await phone.dial(uri)).wait_answered()
    return no.value.status


async def calls_of_every_kind(server: Server, caller: Phone, carrier: Phone) -> None:
    call = await caller.dial(server.uri("100"))
    await call.wait_answered()
    await call.hold()
    await call.resume()
    await call.press("1", info=True)
    await call.send_request("OPTIONS")
    assert not (await call.refer("sip:victim@127.0.0.8", timeout=2)).ok
    await call.hangup()
    assert await refused(caller, server.uri("101")) == 486
    assert await refused(caller, server.uri("999")) == 404
    for number in ("102", "104"):
        carrier.on_call = answer_after(0.0)
        call = await caller.dial(server.uri(number))
        await call.wait_answered()
        await carrier.calls[-1].wait_answered()
        await carrier.calls[-1].hold()
        await call.hangup()
        await carrier.calls[-1].wait_ended()
        carrier.on_call = refuse_with(503)
        assert await refused(caller, server.uri(number)) >= 400
        carrier.on_call = ring_for_ever
        call = await caller.dial(server.uri(number))
        await server.wait_for(lambda: carrier.calls[-1].state != "disconnected")
        await call.hangup()
        await carrier.calls[-1].wait_ended()
    carrier.on_call = answer_after(0.0)
    referred = await caller.dial(server.uri("103"))
    await referred.wait_answered()
    await referred.wait_ended()


async def odd_requests(server: Server) -> None:
    """What is answered without a call, by us or by a worker's stack."""
    peer = await UdpPeer.open(CALLER)
    uri = server.uri("100")

    async def answer(data: bytes) -> int:
        peer.send(data, server.address())
        while True:
            heard = parse(await peer.raw(10))
            if heard.status >= 200 and heard.call_id == parse(data).call_id:
                return heard.status

    for method in ("OPTIONS", "MESSAGE", "SUBSCRIBE", "PUBLISH", "REGISTER", "BYE", "CANCEL"):
        assert await answer(peer.request(method, uri)) >= 200
    bad = {"no codec": SDP.replace("AVP 0", "AVP 126"), "no media": SDP.partition("m=")[0]}
    for body in bad.values():
        assert await answer(peer.request("INVITE", uri, body=body)) in (400, 488)
    strange = peer.request("INVITE", uri, extra=("Require: antigravity",), body=SDP)
    assert await answer(strange) == 420
    peer.close()


@pytest.mark.slow
@pytest.mark.rfc("3323", "nothing of the inside in what leaves: Via, Contact, SDP, Warning")
async def test_nothing_that_leaves_tells_of_the_inside(tmp_path: Path, sent: list[bytes]) -> None:
    async with Phone(user="carrier", host=CARRIER) as carrier, Phone(host=CALLER) as caller:
        trunk: dict[str, Any] = {
            "host": CARRIER,
            "port": carrier.agent.address[1],
            "addresses": (IPv4Network(f"{CARRIER}/32"),),
            "options_seconds": 0.5,
        }
        settings: dict[str, Any] = {
            "sip": SIP,
            "rtp": Rtp(host=SERVER),
            "trunks": {"carrier": Trunk(**trunk)},
        }
        plans = {
            f"to{number}": f'routes: [{{to: "{number}"}}]\npolicy: {{destinations: ["*"]}}\n'
            f"sections: {{main: {steps.replace('CARRIER', carrier.uri)}}}\n"
            for number, steps in STEPS.items()
        }
        async with running(tmp_path, plans, **settings) as server:
            await calls_of_every_kind(server, caller, carrier)
            await odd_requests(server)
            await server.idle()
    methods = {data.split(b" ", 1)[0] for data in sent}
    assert methods >= {b"SIP/2.0", b"INVITE", b"ACK", b"BYE", b"CANCEL", b"OPTIONS", b"REFER"}
    assert len(sent) > 40
    assert any(b"c=IN IP4 127.0.0.5" in data for data in sent)
    for data in sent:
        told = re.sub(rb"SIP/2\.0", b"", data)
        assert not INSIDE.search(told), data.decode()
        assert f"@{socket.gethostname()}".encode() not in told
        if not data.startswith(b"SIP/"):
            assert len(parse(data).values(b"via")) == 1
