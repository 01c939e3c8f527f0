"""INVITEs nobody should send. Anybody can, and the process must outlive every one of them."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from sipagent.call.dial import Dial
from sipagent.call.leg import LegState
from sipagent.errors import LegFailed
from sipagent.testing.actor import Launch

if TYPE_CHECKING:
    from sipagent.legs.sip import SipLeg
    from sipagent.testing.stage import Stage

_SDP = "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 30000 RTP/AVP 0\n"
_CASES: dict[str, tuple[dict[str, str | None], str]] = {
    "no SDP": ({"Content-Type": None}, ""),
    "empty SDP": ({}, "v=0\n"),
    "SDP of noise": ({}, "\x01\x02=\n==\nm=\n"),
    "no connection line": ({}, _SDP.replace("c=IN IP4 127.0.0.1\n", "")),
    "a host name in the connection line": ({}, _SDP.replace("c=IN IP4 127.0.0.1", "c=IN IP4 x.y")),
    "IPv6 media": ({}, _SDP.replace("c=IN IP4 127.0.0.1", "c=IN IP6 ::1")),
    "port 0": ({}, _SDP.replace("30000", "0")),
    "port 70000": ({}, _SDP.replace("30000", "70000")),
    "video alone": ({}, _SDP.replace("m=audio 30000 RTP/AVP 0", "m=video 30000 RTP/AVP 31")),
    "two audio lines": ({}, _SDP + "m=audio 30002 RTP/AVP 8\n"),
    "keys alone": ({}, _SDP.replace("AVP 0", "AVP 101") + "a=rtpmap:101 telephone-event/8000\n"),
    "SRTP demanded with a broken key": (
        {},
        _SDP.replace("RTP/AVP", "RTP/SAVP") + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\n",
    ),
    "hold at once": ({}, _SDP + "a=inactive\n"),
    "not SDP": ({"Content-Type": "text/plain"}, "hello"),
    "multipart without parts": ({"Content-Type": "multipart/mixed;boundary=x"}, "--y\n"),
    "unknown extension required": ({"Require": "time-travel"}, _SDP),
    "replaces nobody": ({"Replaces": "a;from-tag=b;to-tag=c"}, _SDP),
    "in a dialog nobody knows": ({"To": "<sip:agent@127.0.0.1>;tag=nobody"}, _SDP),
    "no Contact": ({"Contact": None}, _SDP),
    "Contact star": ({"Contact": "*"}, _SDP),
    "no From": ({"From": None}, _SDP),
    "no Call-ID": ({"Call-ID": None}, _SDP),
    "From of noise": ({"From": "\x01<>;;tag=1"}, _SDP),
    "session timer of 1 s": ({"Session-Expires": "1", "Supported": "timer"}, _SDP),
    "no hops left": ({"Max-Forwards": "0"}, _SDP),
    "CSeq of another method": ({"CSeq": "1 BYE"}, _SDP),
    "too long": ({"X-Long": "x" * 6000}, _SDP),
}


def _invite(number: int, port: int, changes: dict[str, str | None], body: str) -> bytes:
    headers: dict[str, str | None] = {
        "Via": f"SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKodd{number}",
        "From": f"<sip:odd@127.0.0.1>;tag={number}",
        "To": "<sip:agent@127.0.0.1>",
        "Call-ID": f"odd-{number}",
        "CSeq": "1 INVITE",
        "Contact": f"<sip:odd@127.0.0.1:{port}>",
        "Max-Forwards": "70",
        "Content-Type": "application/sdp",
        **changes,
        "Content-Length": str(len(body.replace("\n", "\r\n"))),
    }
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    text = "\n".join(["INVITE sip:agent@127.0.0.1 SIP/2.0", *lines, "", body])
    return text.replace("\n", "\r\n").encode()


async def _survives(stage: "Stage", manner: str) -> Any:
    async def treat(leg: "SipLeg") -> None:
        with suppress(LegFailed, TimeoutError):
            if manner == "answer":
                await asyncio.wait_for(leg.answer(), 0.5)
            elif manner == "ring":
                await leg.answer(180)
        with suppress(LegFailed):
            await leg.hangup(486)

    tasks: list[asyncio.Task[None]] = []
    stage.endpoint.on_incoming = lambda leg: tasks.append(asyncio.create_task(treat(leg)))
    await stage.hear()
    await asyncio.gather(*tasks)
    return [len(tasks), len(stage.endpoint.legs)]


async def _treat(stranger: socket.socket, to: tuple[str, int]) -> bool:
    """Answer what comes back; True when the odd call is over."""
    loop = asyncio.get_running_loop()
    lines = (await loop.sock_recv(stranger, 65_536)).decode().split("\r\n")
    kept = [line for line in lines if line.split(":")[0] in ("Via", "From", "To", "Call-ID")]
    if lines[0].startswith("BYE"):
        kept += [line for line in lines if line.startswith("CSeq")]
        reply = ["SIP/2.0 200 OK", *kept]
    elif lines[0].split()[1] < "200":
        return False
    else:
        reply = ["ACK sip:agent@127.0.0.1 SIP/2.0", *kept, "CSeq: 1 ACK", "Max-Forwards: 70"]
    text = "\r\n".join([*reply, "Content-Length: 0", "", ""])
    await loop.sock_sendto(stranger, text.encode(), to)
    return not lines[0].startswith("SIP/2.0 2")


@pytest.fixture
def stranger() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        yield sock


@pytest.mark.slow
@pytest.mark.parametrize("manner", ["refuse", "ring"])
async def test_the_process_outlives_every_odd_invite(
    launch: Launch, stranger: socket.socket, manner: str
) -> None:
    callee = await launch(_survives, manner)
    for name in _CASES:
        await _send(stranger, name, callee.address)
    caller = await launch(_calls, callee.uri)
    assert await caller.result() == 486
    await callee.tell("all sent")
    seen, left = await callee.result()
    assert seen > 5
    assert left == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", _CASES)
async def test_a_process_that_answers_an_odd_invite_lives(
    launch: Launch, stranger: socket.socket, name: str
) -> None:
    # One each, as in a worker: with many in one process the library dies now and then of media
    # it sets up for a call that took the place of another in its tables.
    callee = await launch(_survives, "answer")
    await _send(stranger, name, callee.address)
    caller = await launch(_calls, callee.uri)
    assert await caller.result() == "disconnected"
    await callee.tell("all sent")
    assert (await callee.result())[1] == 0


async def _send(stranger: socket.socket, name: str, to: tuple[str, int]) -> None:
    changes, body = _CASES[name]
    number = list(_CASES).index(name)
    message = _invite(number, stranger.getsockname()[1], changes, body)
    await asyncio.get_running_loop().sock_sendto(stranger, message, to)
    # one at a time: until it is over, or for what gets no answer, a moment
    with suppress(TimeoutError):
        async with asyncio.timeout(0.15):
            while not await _treat(stranger, to):
                pass


async def _calls(stage: "Stage", target: str) -> Any:
    leg = await stage.dialer.dial(Dial(target))
    try:
        await leg.wait(LegState.CONFIRMED)
    except LegFailed as error:
        return error.status
    await leg.wait(LegState.DISCONNECTED)
    return str(leg.state)
