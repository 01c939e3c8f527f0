"""SIP told to a capture server: every message, byte for byte, and no secret."""

import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import SecretStr, ValidationError
from structlog.testing import capture_logs

from sipagent.config import Settings, Sip
from sipagent.config.hep import Hep
from sipagent.edge.hep.masking import masked
from sipagent.edge.hep.packet import Agent, Payload, Told, Way, packet
from sipagent.edge.hep.sender import Sender
from sipagent.edge.hep.threads import Threads
from sipagent.events import CallEnded, LegChanged, LegMedia
from sipagent.testing.hep import CaptureServer, read_hep
from sipagent.testing.ports import free_port
from tests.edge.conftest import LISTEN, SDP

Line = Any
Lines = Callable[..., Awaitable[Line]]


def told_to(server: str, **hep: Any) -> Settings:
    return Settings(sip=Sip(listen=LISTEN), hep=Hep(server=server, **hep))


def test_a_packet_is_written_as_the_protocol_says() -> None:
    way = Way("UDP", ("192.0.2.1", 5060), ("192.0.2.2", 5080))
    told = Told(Payload.SIP, way, 1_700_000_000_123_456, b"a@b", b"OPTIONS")
    assert packet(Agent(2001, b"key"), told) == bytes.fromhex(
        "48455033 007c"
        "0000 0001 0007 02"
        "0000 0002 0007 11"
        "0000 0003 000a c0000201"
        "0000 0004 000a c0000202"
        "0000 0007 0008 13c4"
        "0000 0008 0008 13d8"
        "0000 0009 000a 6553f100"
        "0000 000a 000a 0001e240"
        "0000 000b 0007 01"
        "0000 000c 000a 000007d1"
        "0000 000e 0009 6b6579"
        "0000 0011 0009 614062"
        "0000 000f 000d 4f5054494f4e53"
    )


def test_ipv6_and_connections_have_chunks_of_their_own() -> None:
    way = Way("TLS", ("2001:db8::1", 5061), ("fe80::2%eth0", 40_000))
    seen = read_hep(packet(Agent(1), Told(Payload.SIP, way, 5_000_007, b"", b"x")))
    assert (seen.source, seen.destination) == (("2001:db8::1", 5061), ("fe80::2", 40_000))
    assert (seen.chunks[1], seen.chunks[2]) == (b"\x0a", b"\x06")
    assert seen.seconds == pytest.approx(5.000007)
    assert 14 not in seen.chunks and 17 not in seen.chunks


def test_what_does_not_fit_is_refused() -> None:
    way = Way("TCP", ("127.0.0.1", 1), ("127.0.0.1", 2))
    with pytest.raises(ValueError, match="65500 bytes does not fit"):
        packet(Agent(1), Told(Payload.SIP, way, 0, b"", b"x" * 65_500))
    with pytest.raises(ValueError, match="no address"):
        packet(Agent(1), Told(Payload.SIP, Way("UDP", ("pbx", 1), ("pbx", 2)), 0, b"", b""))


SECRETS = [
    (b'Authorization: Digest username="a", realm="r", response="0123abcd", uri="sip:r"',
     b'Authorization: Digest username="a", realm="r", response="********", uri="sip:r"'),
    (b"Proxy-Authorization: Bearer aaa.bbb", b"Proxy-Authorization: Bearer *******"),
    (b"Contact: <sip:alice:pass@192.0.2.1>", b"Contact: <sip:alice:****@192.0.2.1>"),
    (b"Authorization: Digest username=\"a\",\r\n response=\"77\"",
     b"Authorization: Digest username=\"a\",\r\n response=\"**\""),
]  # fmt: skip


@pytest.mark.parametrize(("line", "shown"), SECRETS)
def test_credentials_are_masked_and_lengths_stay_true(line: bytes, shown: bytes) -> None:
    def message(inside: bytes) -> bytes:
        return b"REGISTER sip:r SIP/2.0\r\n" + inside + b"\r\nCall-ID: response=\r\n\r\n"

    assert masked(message(line)) == message(shown)
    assert masked(message(line), credentials=True) == message(line)


def test_keys_of_srtp_are_masked() -> None:
    body = b"v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGw+/=|2^20|1:4\r\n"
    shown = masked(b"INVITE sip:a SIP/2.0\r\n\r\n" + body)
    assert b"WVNf" not in shown and b"|2^20|1:4" in shown
    assert len(shown) == len(b"INVITE sip:a SIP/2.0\r\n\r\n" + body)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (b"INFO sip:a SIP/2.0\r\nc: application/dtmf-relay\r\n\r\nSignal=4\r\nDuration=9",
         b"INFO sip:a SIP/2.0\r\nc: application/dtmf-relay\r\n\r\nSignal=*\r\nDuration=9"),
        (b"INFO sip:a SIP/2.0\r\nc: application/dtmf\r\n\r\n5",
         b"INFO sip:a SIP/2.0\r\nc: application/dtmf\r\n\r\n*"),
        (b"MESSAGE sip:a SIP/2.0\r\n\r\nmy pin is 12\r\n",
         b"MESSAGE sip:a SIP/2.0\r\n\r\n** *** ** **\r\n"),
    ],
)  # fmt: skip
def test_keys_and_texts_are_masked_unless_asked_for(message: bytes, shown: bytes) -> None:
    assert masked(message) == shown
    assert masked(message, personal=True) == message


def test_all_dialogs_of_a_call_are_known_by_its_first_and_memory_is_bounded() -> None:
    threads = Threads(most=10)
    threads.joins(b"in@a", "w1")
    threads.joins(b"out@b", "w1")
    assert (threads.of(b"in@a"), threads.of(b"out@b")) == (b"in@a", b"in@a")
    threads.gone("w1")
    assert threads.of(b"out@b") == b"in@a"  # its BYE may still come
    for number in range(100):
        threads.joins(b"%d@x" % number, "w2")
    assert threads.of(b"out@b") == b"out@b"
    assert threads.of(b"99@x") == b"0@x"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_every_message_of_a_call_is_told_byte_for_byte(lines: Lines, transport: str) -> None:
    async with CaptureServer(transport) as server:
        line = await lines(told_to(server.url, id=77, password=SecretStr("hep-pw")))
        phone = await line.phone()
        token, worker = await line.worker()
        invite = phone.request("INVITE", line.uri("100"), call_id="one@test", body=SDP)
        line.send(phone, invite)
        line.answer(worker, token, await worker.get("INVITE"))
        trying, ok = await phone.raw(), await phone.raw()
        await server.until(lambda: len(server.sip("one@test")) == 3)
        first, second, third = server.sip("one@test")
        assert [first.payload, second.payload, third.payload] == [invite, trying, ok]
        assert (first.source, first.destination) == (phone.local, line.public)
        assert (second.source, second.destination) == (line.public, phone.local)
        assert first.number == 77
        assert first.chunks[14] == b"hep-pw"
        assert first.correlation == "one@test"
        assert abs(first.seconds - time.time()) < 600


async def test_over_tls_the_capture_server_has_to_prove_itself(
    lines: Lines, tmp_path: Path
) -> None:
    ours, other = trustme.CA(), trustme.CA()
    listening = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.issue_cert("127.0.0.1").configure_cert(listening)
    for name, authority in (("ours", ours), ("other", other)):
        authority.cert_pem.write_to_path(str(tmp_path / name))
    async with CaptureServer("tls", tls=listening) as server:
        for name in ("other", "ours"):
            line = await lines(told_to(server.url, authorities=tmp_path / name))
            phone = await line.phone()
            line.send(phone, phone.request("OPTIONS", line.uri("x"), call_id=f"{name}@x"))
            await phone.get(200)
        await server.until(lambda: len(server.sip("ours@x")) == 2)
        assert server.sip("other@x") == []


async def test_both_sides_of_a_call_have_one_correlation(lines: Lines) -> None:
    async with CaptureServer() as server:
        line = await lines(told_to(server.url))
        _, _, worker = await line.established(call_id="a@side")
        callee = await line.phone()
        host, port = callee.local
        out = worker.request(
            "INVITE", f"sip:bob@{host}:{port}", call_id="b@side", extra=(line.route(),), body=SDP
        )
        worker.send(out, line.edge.internal_address)
        await callee.get("INVITE")
        await server.until(lambda: server.sip("b@side"))
        (left, *_) = server.sip("b@side")
        assert left.correlation == "a@side"
        assert left.destination == callee.local
        # how the leg was, when it ends
        capture = line.edge.capture
        capture.happened(
            LegChanged(call_id="c1", leg="x", remote="", state="confirmed", sip_call_id="b@side")
        )
        media = LegMedia(
            call_id="c1", leg="x", codec="PCMU", sent=500, received=490, lost=10, jitter_ms=4.0
        )
        capture.happened(media)
        capture.happened(CallEnded(call_id="c1", status=200))
        await server.until(lambda: [p for p in server.packets if p.kind == 100])
        reports = {p.kind: p for p in server.packets if p.kind != 1}
        assert set(reports) == {5, 34, 100}
        assert {p.correlation for p in reports.values()} == {"a@side"}
        assert b'"packets_lost":10' in reports[5].payload
        assert b'"ia_jitter":32' in reports[5].payload
        assert b'"MOS":' in reports[34].payload


async def test_calls_go_on_while_the_capture_server_is_away(lines: Lines) -> None:
    port = free_port()
    line = await lines(told_to(f"tcp://127.0.0.1:{port}"))
    phone = await line.phone()
    for number in range(3):
        line.send(phone, phone.request("OPTIONS", line.uri("x"), call_id=f"o{number}@x"))
        await phone.get(200)
    async with CaptureServer("tcp", port=port) as server:
        # what waited is told once it is back
        await server.until(lambda: len(server.packets) == 6)
        assert line.edge.capture.counts.dropped == 0


async def test_by_udp_nobody_is_missed_and_nothing_is_complained_of() -> None:
    sender = Sender(Hep(server=f"udp://127.0.0.1:{free_port()}"))
    sender.start()
    with capture_logs() as lines:
        for _ in range(100):
            sender.send(b"x")
        await sender.close()
    assert (sender.counts.sent, sender.counts.dropped, lines) == (100, 0, [])


async def test_what_nobody_takes_is_bounded_and_counted() -> None:
    sender = Sender(Hep(server=f"tcp://127.0.0.1:{free_port()}"))
    sender.start()
    for _ in range(5_000):
        sender.send(b"x")
    assert sender.counts.dropped == 3_000
    await sender.close()
    assert (sender.counts.dropped, sender.counts.sent) == (5_000, 0)


@pytest.mark.parametrize("server", ["homer:9060", "http://homer:9060", "udp://homer", "udp://h:0"])
def test_a_server_that_cannot_be_is_a_clear_error(server: str) -> None:
    with pytest.raises(ValidationError, match="is not udp://host:port"):
        Hep(server=server)
