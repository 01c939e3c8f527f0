"""INFO within a call: every way to write a key becomes the one a worker's stack reads."""

from typing import Any

import pytest

from sipagent.edge.info import read_info
from sipagent.edge.message import header, parse
from sipagent.edge.responses import Final

Line = Any


def info(kind: str, body: str, *more: str) -> Any:
    lines = [
        "INFO sip:w.t@127.0.0.1 SIP/2.0",
        "Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1",
        "From: <sip:a@b>;tag=1",
        "To: <sip:c@d>;tag=2",
        "Call-ID: x",
        "CSeq: 2 INFO",
        *more,
        *([f"Content-Type: {kind}"] if kind else []),
        f"Content-Length: {len(body)}",
    ]
    return parse(("\r\n".join(lines) + "\r\n\r\n" + body).encode())


@pytest.mark.rfc("6086", "keys as INFO received, application/dtmf-relay and application/dtmf")
@pytest.mark.parametrize(
    ("kind", "body", "key", "duration"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "5", "160"),
        ("application/dtmf-relay", "Signal= 5\r\nDuration= 250", "5", "250"),
        ("application/dtmf-relay", "signal=*\n", "*", "160"),
        ("application/dtmf-relay", "Signal=11\r\nDuration=90\r\n", "#", "90"),
        ("Application/DTMF-Relay; charset=utf-8", "Duration=100\r\nSignal=d\r\n", "D", "100"),
        ("application/dtmf", "7", "7", "160"),
        ("application/dtmf", " 10\r\n", "*", "160"),
        ("application/dtmf", "#", "#", "160"),
        ("application/dtmf", "Signal=3\r\nDuration=80", "3", "80"),
    ],
)
def test_a_key_in_any_form_is_one_in_the_usual_form(
    kind: str, body: str, key: str, duration: str
) -> None:
    request = info(kind, body)
    assert read_info(request) is None
    again = parse(bytes(request))
    assert again.body == f"Signal={key}\r\nDuration={duration}\r\n".encode()
    assert again.text(b"content-type") == b"application/dtmf-relay"


@pytest.mark.rfc("6086", "INFO with nothing for us: 200, 415, 469")
@pytest.mark.parametrize(
    ("kind", "body", "more", "answer"),
    [
        ("", "", (), Final(200)),
        ("application/dtmf-relay", "Signal=16\r\n", (), Final(200)),  # the hook
        ("application/dtmf-relay", "Signal=!\r\n", (), Final(200)),
        ("application/dtmf-relay", "Signal=x\r\n", (), Final(400)),
        ("application/dtmf", "12345", (), Final(400)),
        (
            "application/media_control+xml",
            "<x/>",
            (),
            Final(415, (header(b"Accept", b"application/dtmf-relay, application/dtmf"),)),
        ),
        (
            "application/foo",
            "1",
            ("Info-Package: foo",),
            Final(469, (header(b"Recv-Info", b"nil"),)),
        ),
    ],
)
def test_what_is_no_key_is_answered_at_the_door(
    kind: str, body: str, more: tuple[str, ...], answer: Final
) -> None:
    assert read_info(info(kind, body, *more)) == answer


async def test_a_worker_sees_keys_and_nothing_else(line: Line) -> None:
    phone, token, worker = await line.established(call_id="i@n")
    uri = line.uri(f"w.{token}")

    def say(cseq: int, kind: str, body: str) -> None:
        data = phone.request("INFO", uri, call_id="i@n", to_tag="wtag", cseq=cseq, body=body)
        line.send(phone, data.replace(b"application/sdp", kind.encode()))

    say(2, "application/media_control+xml", "<x/>")
    refused = await phone.get(415)
    assert refused.text(b"accept") == b"application/dtmf-relay, application/dtmf"
    say(3, "application/dtmf", "9")
    got = await worker.get("INFO")
    assert (got.cseq.number, got.body) == (3, b"Signal=9\r\nDuration=160\r\n")
    assert int(got.text(b"content-length")) == len(got.body)
