"""Parties that are not heard, and what is said about it; and ways of media that just work."""

import asyncio
import socket
import struct
from typing import Any

import pytest

import sipagent.testing.phone
from sipagent.events import LegChanged, Warned
from sipagent.testing.call import PhoneCall
from sipagent.testing.carrying import carried
from sipagent.testing.negotiation import Negotiation
from sipagent.testing.phone import Phone
from sipagent.testing.sending import Sender
from sipagent.testing.server import Server
from sipagent.testing.sip import sdp

Serve = Any


class Mute(Sender):
    """Sends nothing until `limit` is raised."""

    def __init__(self, limit: int = 0) -> None:
        super().__init__()
        self.limit = limit

    def next(self, now: float, *, sending: bool) -> bytes | None:
        self.limit -= 1
        return super().next(now, sending=sending and self.limit >= 0)


class Foreign(Sender):
    """Sends RTP of a payload type nobody agreed upon."""

    def next(self, now: float, *, sending: bool) -> bytes | None:
        packet = super().next(now, sending=sending)
        return packet and packet[:1] + b"\x12" + packet[2:]


def _describing(monkeypatch: pytest.MonkeyPatch, old: bytes, new: bytes) -> None:
    """Have phones write something else in their SDP."""

    class Liar(Negotiation):
        def offer(self) -> bytes:
            return super().offer().replace(old, new)

    monkeypatch.setattr(sipagent.testing.phone, "Negotiation", Liar)


def _warned(event: object) -> bool:
    return isinstance(event, Warned) and event.code == "no_inbound_rtp"


async def _called(phone: Phone, server: Server, sender: Sender | None = None) -> PhoneCall:
    call = await phone.dial(server.uri("100"))
    if sender is not None:
        call.stream.sender = sender
    await call.wait_answered()
    return call


async def _warning(server: Server) -> str:
    event = await server.until(_warned)
    assert isinstance(event, Warned)
    return event.detail


@pytest.mark.alone
async def test_a_silent_caller_is_told_of_within_two_seconds_of_the_answer(serve: Serve) -> None:
    server = await serve()
    async with Phone() as phone:
        call = await _called(phone, server, Mute())
        assert "port not reached" in await _warning(server)
        answered = await server.until(
            lambda e: isinstance(e, LegChanged) and e.state == "confirmed"
        )
        warned = await server.until(_warned)
        assert (warned.at - answered.at).total_seconds() <= 2.0
        call.stream.sender.limit = 10**6  # type: ignore[attr-defined]
        await asyncio.sleep(1)
        await call.hangup()
        await server.ended()
        assert sum(map(_warned, server.events)) == 1


async def test_an_address_that_is_not_the_callers_is_named(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    _describing(monkeypatch, b"c=IN IP4 127.0.0.1", b"c=IN IP4 127.0.0.3")
    server = await serve()
    async with Phone() as phone:
        await _called(phone, server, Mute())
        said = await _warning(server)
        assert "address differs: media was to come from 127.0.0.3:" in said
        assert "signalling comes from 127.0.0.1" in said


async def test_a_private_address_in_sdp_is_named(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    # our socket is bound to loopback: nothing can be sent there
    _describing(monkeypatch, b"c=IN IP4 127.0.0.1", b"c=IN IP4 192.168.77.77")
    server = await serve()
    async with Phone() as phone:
        await _called(phone, server, Mute())
        said = await _warning(server)
        assert "private address in SDP: the far end says it is at 192.168.77.77:" in said
        assert "signalling comes from 127.0.0.1" in said


async def test_a_codec_nobody_agreed_upon_is_named(serve: Serve) -> None:
    server = await serve()
    async with Phone() as phone:
        await _called(phone, server, Foreign())
        said = await _warning(server)
        assert "codec mismatch" in said
        assert "are not the PCMU agreed upon" in said


async def test_encryption_that_fails_is_named(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The phone offers a key and then sends in the clear."""
    key = b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + b"A" * 40
    _describing(monkeypatch, b"a=ptime", key + b"\r\na=ptime")
    server = await serve()
    async with Phone() as phone:
        call = await _called(phone, server)
        assert "SRTP failure: packets from 127.0.0.1" in await _warning(server)
        assert call.stream.departures.packets > 25


@pytest.mark.slow
async def test_a_stream_that_stops_is_told_of(serve: Serve) -> None:
    server = await serve()
    async with Phone() as phone:
        await _called(phone, server, Mute(limit=100))
        said = await _warning(server)
        assert "stopped: 127.0.0.1:" in said


@pytest.mark.slow
@pytest.mark.rfc("3550", "RTCP reports tell that a silent far end lives")
async def test_nobody_is_alarmed_by_hold_nor_by_silence_that_is_reported(serve: Serve) -> None:
    server = await serve()
    async with Phone() as phone:
        call = await _called(phone, server)
        await call.hold()
        await asyncio.sleep(7)
        await call.resume()
        await asyncio.sleep(2)
        call.stream.sender = Mute()
        remote = call.media.remote
        assert remote is not None
        for _ in range(5):  # silence suppression: RTCP goes on
            _report(call, (remote.host, remote.port + 1))
            await asyncio.sleep(2)
        await call.hangup()
        await server.ended()
    assert not any(map(_warned, server.events))


def _report(call: PhoneCall, to: tuple[str, int]) -> None:
    """A receiver report with one block (RFC 3550 section 6.4.2)."""
    heard = call.received[-1]
    block = struct.pack("!IIIIII", heard.ssrc, 0, heard.seq, 0, 0, 0)
    packet = struct.pack("!BBHI", 0x81, 201, 7, 1) + block
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((call.stream.address[0], 0))
        sender.sendto(packet, to)


@pytest.mark.rfc("3550", "symmetric RTP: audio goes where packets come from")
async def test_audio_goes_where_packets_come_from_whatever_sdp_says(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Symmetric RTP: a phone behind a NAT does not know its own port."""
    _describing(monkeypatch, b"c=IN IP4 127.0.0.1", b"c=IN IP4 127.0.0.3")
    server = await serve()
    async with Phone() as phone:
        call = await _called(phone, server)
        async with asyncio.timeout(10):
            while not call.received:
                await asyncio.sleep(0.02)
        assert await carried(call)
    assert not any(map(_warned, server.events))


async def test_a_stranger_cannot_take_a_stream_that_flows(serve: Serve) -> None:
    """Packets sprayed at our port do not turn the caller's audio away while the caller sends."""
    server = await serve()
    async with Phone() as phone, Phone(host="127.0.0.9") as spare:
        call = await _called(phone, server)
        remote = call.media.remote
        assert remote is not None
        stranger = spare._call(call.session.dialog, None)
        stranger.stream.route.remote = (remote.host, remote.port)
        async with asyncio.timeout(10):
            while len(call.received) < 50:
                await asyncio.sleep(0.02)
        stranger.stream.route.sending = True
        before = len(call.received)
        await call.play(bytes(16_000 * 2))
        assert len(call.received) > before + 50
        assert stranger.received == []
        await stranger.stream.close()
        spare.calls.clear()


@pytest.mark.rfc("3550", "media of a leg is taken from its far end alone, once it is heard")
async def test_a_stranger_cannot_take_a_stream_that_pauses(serve: Serve) -> None:
    """The caller falls silent, as with comfort noise; a stranger sends in its place."""
    server = await serve()
    async with Phone() as phone, Phone(host="127.0.0.9") as spare:
        call = await _called(phone, server)
        remote = call.media.remote
        assert remote is not None
        stranger = spare._call(call.session.dialog, None)
        stranger.stream.route.remote = (remote.host, remote.port)
        await call.play(bytes(16_000 * 2))
        call.stream.route.sending = False
        stranger.stream.route.sending = True
        sent = asyncio.ensure_future(stranger.play(bytes(16_000 * 2)))
        before = len(call.received)
        async with asyncio.timeout(10):
            while len(call.received) < before + 50:
                await asyncio.sleep(0.02)
        await asyncio.wait_for(sent, 10)
        assert stranger.received == []
        await stranger.stream.close()
        spare.calls.clear()


@pytest.mark.slow
@pytest.mark.rfc("3550", "RTCP comes one port above")
async def test_rtcp_comes_one_port_above(serve: Serve) -> None:
    server = await serve()
    async with Phone() as phone:
        call = await phone.dial(server.uri("100"))
        host, port = call.stream.address
        heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        class Ear(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                if not heard.done():
                    heard.set_result(data)

        ear, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            Ear, local_addr=(host, port + 1)
        )
        await call.wait_answered()
        report = await asyncio.wait_for(heard, 20)
        ear.close()
        assert report[0] >> 6 == 2
        assert report[1] in (200, 201)  # sender or receiver report


def test_the_phone_reads_what_it_wrote() -> None:
    """What `_describing` replaces is really there."""
    assert b"c=IN IP4 127.0.0.1" in sdp.write(sdp.Description("127.0.0.1", 2, ("PCMU",)), 1, 1)
