"""What a worker's stack would drop in silence is answered 400; what it reads goes through."""

import time
from contextlib import suppress
from typing import Any

import pytest

from sipagent.edge.headers import Bad, parse_via
from sipagent.edge.message import parse
from sipagent.edge.strict import check_readable

Line = Any
LONG = 60_000


def swap(invite: bytes, old: str, new: str) -> bytes:
    assert old.encode() in invite
    return invite.replace(old.encode(), new.encode("latin-1"))


#: each was sent to pjsip 2.15, which dropped it
DROPPED = [
    ("tag=caller", "tag=cal/ler"),
    ("tag=caller", "tag=cal}ler"),
    ("tag=caller", "tag=cal[ler"),
    ("tag=caller", "t&g=caller"),
    ("From: <sip:alice@127.0.0.1>", "From: <s[p:alice@127.0.0.1>"),
    ("From: <sip:alice@127.0.0.1>", "From: <sip:alice@127.0.0:>"),
    ("From: <sip:alice@127.0.0.1>", "From: <sip:al^ce@127.0.0.1>"),
    ("Contact: <sip:alice@", "Contact: <sip:alice:@"),
    ("Contact: <sip:", "Record-Route: <sip:10.0.?.1;lr>\r\nContact: <sip:"),
    ("Contact: <sip:", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9\\hG4\r\nContact: <sip:"),
    ("Contact: <sip:", "Allow: INVITE,,ACK\r\nContact: <sip:"),
    ("Contact: <sip:", "Expires: @20\r\nContact: <sip:"),
    ("Contact: <sip:", "Session-Expires: 1800;refresher$uac\r\nContact: <sip:"),
    ("INVITE sip:100@", "INVITE sip:10\xff@"),
    ("Contact: <sip:", 'Subject: x\r\nFrom : "\\\0" <sip:a@b>;tag=t\r\nContact: <sip:'),
]
#: each was sent to pjsip 2.15, which took it
TAKEN = [
    ("tag=caller", "tag=caller;isup-oli=62;x"),
    ("From: <sip:alice@", "From: Bell, Alexander <sip:alice@"),
    ("From: <sip:alice@", "From: \xc3\x85ke (home) <sip:alice@"),
    ("From: <sip:alice@127.0.0.1>", "From: <tel:+442079460018>"),
    ("From: <sip:alice@", "From: <sip:*21#@"),
    ("From: <sip:alice@", "From: <sip:anonymous;phone-context=+44@"),
    ("Contact: <sip:alice@", 'Contact: "x;y" <sip:alice;a=b@'),
    (
        "Contact: <sip:",
        "Via: SIP/2.0/UDP [2001:db8::1]:5;received=[::1];branch=x\r\nContact: <sip:",
    ),
    ("Contact: <sip:", "Session-Expires: 1800 ; refresher = uac\r\nContact: <sip:"),
    ("Contact: <sip:", "Supported:\r\nAccept:\r\nContact: <sip:"),
]


def invite(line: Line, phone: Any) -> bytes:
    made: bytes = phone.request("INVITE", line.uri("100"), body="v=0\r\n")
    return made


@pytest.mark.rfc("3261", "an INVITE that breaks the grammar of a header gets 400")
@pytest.mark.parametrize(("old", "new"), DROPPED)
async def test_what_a_worker_would_drop_is_400(line: Line, old: str, new: str) -> None:
    phone = await line.phone()
    await line.worker()
    line.send(phone, swap(invite(line, phone), old, new))
    assert (await phone.raw()).startswith(b"SIP/2.0 400 ")
    assert line.desk.calls == []


@pytest.mark.parametrize(("old", "new"), TAKEN)
async def test_what_a_worker_reads_reaches_it(line: Line, old: str, new: str) -> None:
    phone = await line.phone()
    _, worker = await line.worker()
    line.send(phone, swap(invite(line, phone), old, new))
    await worker.get("INVITE")


async def test_a_request_in_a_dialog_is_looked_at_too(line: Line) -> None:
    phone, token, worker = await line.established()
    info = phone.request("INFO", line.uri(f"w.{token}"), call_id="one@test", to_tag="wtag", cseq=2)
    line.send(phone, swap(info, "tag=caller", "tag=cal/ler"))
    assert (await phone.raw()).startswith(b"SIP/2.0 400 ")
    assert worker.silent()


@pytest.mark.parametrize(
    "junk", [" ", "\t", "\r\n ", ";", "; ", '"",', ",", "<", "\\", ";a=", "[", ":"]
)
def test_no_header_is_long_to_read(junk: str) -> None:
    """One datagram could hold the loop for seconds when white space was looked at twice."""
    filler = (junk * LONG)[:LONG].encode()
    lines = {
        b"Via": b"SIP/2.0/UDP h;branch=b%b\x01;received=1",
        b"From": b"<sip:a@b>;tag=1%b\x01",
        b"Contact": b"<sip:a%b\x01@b>",
        b"Session-Expires": b"90 %b\x01",
    }
    usual = {b"Via": b"SIP/2.0/UDP h", b"From": b"<sip:a@b>;tag=1", b"To": b"<sip:a@b>"}
    for name, value in lines.items():
        headers = usual | {
            b"Call-ID": b"x",
            b"CSeq": b"1 INVITE",
            name: value.replace(b"%b", filler),
        }
        text = b"".join(b"%b: %b\r\n" % pair for pair in headers.items())
        began = time.process_time()
        with suppress(Bad):
            message = parse(b"INVITE sip:a@b SIP/2.0\r\n" + text + b"\r\n")
            message.via.seen_from("192.0.2.1", 5)
            check_readable(message)
        with suppress(Bad):
            parse_via(headers[b"Via"]).seen_from("192.0.2.1", 5)
        assert time.process_time() - began < 1.0, name
