"""RFC 4475 and RFC 5118: every message, with what our front door does with it and why."""

import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sipagent.config import Listener, Phone, Settings, Sip
from sipagent.edge.challenge import Prover, read_challenge
from sipagent.edge.message import Message, header, parse
from sipagent.testing.frontdoor import UdpPeer

Line = Any
Lines = Callable[..., Awaitable[Line]]
PACKETS = Path(__file__).parents[1] / "packets"
#: a worker gets it; nothing comes back but 100; it goes without an answer
ROUTED, SILENT = 100, 0
PHONES = {
    name: Phone.model_validate({"password": "secret"}) for name in ("user", "j.user", "watson")
}


@dataclass(frozen=True)
class Case:
    """What is answered, and why. `proven`: what a REGISTER gets once it has shown a password."""

    status: int
    why: str
    proven: int | None = None


VALID = {
    "wsinv": Case(481, "folding, odd spacing, empty headers: it reads as of an unknown dialog"),
    "intmeth": Case(405, "every character is legal, the method means nothing to us"),
    "esc01": Case(ROUTED, "escapes in user parts and parameters stay as they are"),
    "escnull": Case(401, "%00 is an escape like any other; no phone has that name", 403),
    "esc02": Case(405, "a method and header name with % are no REGISTER and no Contact"),
    "lwsdisp": Case(200, "no space is needed between a display name and <"),
    "longreq": Case(ROUTED, "long values and 34 Vias are legal"),
    "dblreq": Case(401, "what follows the first request of a datagram is dropped", 200),
    "semiuri": Case(200, "; and an escaped @ belong to the user part"),
    "transports": Case(200, "transports we do not speak are no matter in lower Vias"),
    "unreason": Case(SILENT, "a response nobody waits for, whatever its reason says"),
    "noreason": Case(SILENT, "a response nobody waits for, a reason phrase may be empty"),
}
INVALID = {
    "badinv01": Case(400, "empty Via values and parameters"),
    "clerr": Case(400, "Content-Length beyond the end of the datagram"),
    "ncl": Case(400, "a negative Content-Length"),
    "scalar02": Case(400, "a CSeq of 2**65"),
    "scalarlg": Case(SILENT, "a response with a CSeq too large is dropped"),
    "quotbal": Case(400, "a quote that never closes"),
    "ltgtruri": Case(400, "a request URI in angle brackets"),
    "lwsruri": Case(400, "white space in the request URI"),
    "lwsstart": Case(400, "more than one space between the parts of the request line"),
    "trws": Case(400, "spaces at the end of the request line"),
    "escruri": Case(400, "a request URI has no headers"),
    "baddate": Case(ROUTED, "a Date in EST: no call depends on it, so it is not looked at"),
    "regbadct": Case(401, "a Contact with ? must stand in angle brackets", 400),
    "badaspec": Case(400, "white space in angle brackets"),
    "baddn": Case(200, "a display name with a comma should be quoted; what is meant is clear"),
    "badvers": Case(505, "SIP/7.0"),
    "mismatch01": Case(400, "CSeq names another method"),
    "mismatch02": Case(400, "CSeq names another method"),
    "bigcode": Case(SILENT, "a response with a status of 2**32+5 is dropped"),
}
LAYERS = {
    "badbranch": Case(200, "a branch of the magic cookie alone is a branch"),
    "insuf": Case(400, "Call-ID, From and To are missing"),
    "unkscm": Case(416, "a scheme nobody knows"),
    "novelsc": Case(416, "a scheme we do not route"),
    "unksm2": Case(401, "To must be a SIP address to be registered", 400),
    "bext01": Case(420, "options nobody supports, all of them named"),
    "invut": Case(ROUTED, "what a body may be is the call's to say: it answers 415"),
    "regaut01": Case(401, "credentials of an unknown scheme are none", 200),
    "multi01": Case(400, "headers that must stand once stand twice"),
    "mcl01": Case(400, "two values of Content-Length"),
    "bcast": Case(SILENT, "a response whose Via is broadcast goes nowhere"),
    "zeromf": Case(200, "OPTIONS with no hop left is answered by whom it reached"),
    "cparam01": Case(401, "an unknown parameter of the Contact header", 200),
    "cparam02": Case(401, "an unknown parameter of the Contact URI", 200),
    "regescrt": Case(401, "headers in a Contact are legal; we do not keep them", 200),
    "sdp01": Case(406, "who takes no SDP cannot read our answer"),
    "inv2543": Case(400, "without Contact there is nobody to send BYE to (RFC 3261 8.1.1.8)"),
}
IPV6 = {
    "ipv6-good": Case(401, "an IPv6 reference in the request URI and in Via", 200),
    "ipv6-bad": Case(400, "an IPv6 address without brackets"),
    "port-ambiguous": Case(401, "what stands in brackets is address, never port", 200),
    "port-unambiguous": Case(401, "a port behind the brackets", 200),
    "via-received-param-with-delim": Case(481, "received in brackets: read, and no such dialog"),
    "via-received-param-no-delim": Case(481, "received without brackets: read, no such dialog"),
    "ipv6-in-sdp": Case(ROUTED, "IPv6 in SDP has no brackets"),
    "mult-ip-in-header": Case(481, "Vias of both kinds of address, and no such dialog"),
    "mult-ip-in-sdp": Case(ROUTED, "streams of both kinds of address"),
    "ipv4-mapped-ipv6": Case(ROUTED, "an IPv4 address mapped into IPv6, in Via and SDP"),
    "ipv6-bug-abnf-3-colons": Case(
        200, "three colons, as RFC 3261's grammar wrongly let one write"
    ),
}


@pytest.fixture
async def line(lines: Lines) -> Any:
    """An edge that knows phones. No bug of ours may have been met when the test ends."""
    made = await lines(Settings(sip=Sip(listen=(Listener(port=0),)), phones=PHONES))
    yield made
    assert made.edge.counters.exceptions == 0


async def sender(line: Line, message: bytes) -> UdpPeer:
    """A phone at an address of its own, on the port its Via says, where answers go."""
    match = re.search(rb"(?i)\r\nv(?:ia)?\s*:[^;,]*[\]a-z0-9]\s*:\s*([0-9]+)\s*;", message)
    host = ".".join(["127", *(str(1 + secrets.randbelow(254)) for _ in range(3))])
    peer = await UdpPeer.open(host, int(match[1]) if match else 5060)
    line.stack.callback(peer.close)
    return peer


async def final(line: Line, peer: UdpPeer, data: bytes) -> Message | None:
    """The first answer; None when a request that follows it is answered instead."""
    line.send(peer, data)
    marker = f"marker{secrets.token_hex(4)}"
    line.send(peer, peer.request("OPTIONS", line.uri("x"), call_id=marker))
    answer = await peer.raw()
    if marker.encode() in answer:
        return None
    await peer.raw()
    return loosely(answer)


def loosely(answer: bytes) -> Message:
    """A response as far as it goes: to what was malformed it is malformed too."""
    start, *lines = answer.partition(b"\r\n\r\n")[0].split(b"\r\n")
    pairs = [line.partition(b":") for line in lines]
    made = Message(start, [header(name.strip(), value.strip()) for name, _, value in pairs])
    made.status = int(start.split(b" ")[1])
    return made


async def treated(line: Line, folder: str, name: str, case: Case) -> None:
    data = (PACKETS / folder / f"{name}.dat").read_bytes()
    peer = await sender(line, data)
    token, worker = await line.worker()
    answer = await final(line, peer, data)
    assert (answer.status if answer is not None else SILENT) == case.status, case.why
    if case.status == ROUTED:
        got = await worker.get("INVITE")
        sent = parse(data)
        # a session without a name is given one on the way
        assert (got.uri, got.body) == (sent.uri, sent.body.replace(b"\ns=\r", b"\ns=-\r"))
        assert got.headers[2].line.startswith(sent.headers[0].line[:3])
        line.answer(worker, token, got, 486)
        assert (await peer.get(486)).cseq == sent.cseq
    else:
        assert line.desk.calls == []
    if answer is not None and case.proven is not None:
        prover = Prover("user", "secret")
        for user in PHONES:
            if f":{user}@".encode() in data:
                prover = Prover(user, "secret")
        prover.take(read_challenge(answer))
        request_uri = parse(data).uri.decode()
        proof = prover.prove("REGISTER", request_uri)
        assert proof is not None
        again = re.sub(rb"(?i)\r\nAuthorization:[^\r]*", b"", data)
        again = again.replace(b"\r\n", b"\r\n" + proof.line + b"\r\n", 1)
        proven = await final(line, peer, again)
        assert proven is not None
        assert proven.status == case.proven, case.why
    line.desk.workers.clear()
    await line.established(call_id="clean@1")


@pytest.mark.rfc("4475", "the valid messages of 3.1.1 are read and treated as what they say")
@pytest.mark.parametrize("name", VALID)
async def test_what_is_valid_is_understood_however_odd(line: Line, name: str) -> None:
    await treated(line, "rfc4475", name, VALID[name])


@pytest.mark.rfc("4475", "the invalid messages of 3.1.2 are refused, those that do no harm taken")
@pytest.mark.parametrize("name", INVALID)
async def test_what_is_invalid_is_refused_or_does_no_harm(line: Line, name: str) -> None:
    await treated(line, "rfc4475", name, INVALID[name])


@pytest.mark.rfc("4475", "the messages of 3.2 to 3.4 get the status their semantics ask for")
@pytest.mark.parametrize("name", LAYERS)
async def test_semantics_are_looked_at_too(line: Line, name: str) -> None:
    await treated(line, "rfc4475", name, LAYERS[name])


@pytest.mark.rfc("5118", "every message of the RFC is treated as it says")
@pytest.mark.parametrize("name", IPV6)
async def test_ipv6_is_read_wherever_it_stands(line: Line, name: str) -> None:
    await treated(line, "rfc5118", name, IPV6[name])


@pytest.mark.rfc("4475", "a MESSAGE of several parts is answered (3.1.1.11)")
async def test_a_message_of_several_parts_is_answered(line: Line) -> None:
    data = (PACKETS / "rfc4475" / "mpart01.dat").read_bytes()
    answer = await final(line, await line.phone(), data)
    assert answer is not None
    assert answer.status in (200, 202, 404, 405, 415)
    assert answer.text(b"call-id") == b"3d9485ad0c49859b@Zmx1ZmZ5LW1hYy0xNi5sb2NhbA.."
    await line.established(call_id="clean@1")


def test_there_are_49_messages_and_11() -> None:
    names = VALID.keys() | INVALID.keys() | LAYERS.keys() | {"mpart01"}
    assert names == {path.stem for path in (PACKETS / "rfc4475").glob("*.dat")}
    assert IPV6.keys() == {path.stem for path in (PACKETS / "rfc5118").glob("*.dat")}
    assert (len(names), len(IPV6)) == (49, 11)
