"""Codecs end to end: both laws of G.711, wideband G.722, a trunk's own order, and RTCP."""

import asyncio
import socket
import time
import wave
from ipaddress import ip_network
from typing import Any

import numpy as np
import pytest

from sipagent.config import Media, Trunk
from sipagent.testing.audio import speech_like
from sipagent.testing.echoing import echoed, likeness

Serve = Any
Open = Any

#: how often a sound is made again: a busy machine's jitter buffer drops some of it
TRIES = 3
RECORDED = """
routes: [{to: "100"}]
agents: {echo: {brain: {provider: echo}}}
sections:
  main:
    - answer
    - record_call: {control_id: call, stereo: true}
    - ai: {agent: echo}
"""
CONNECTS = """
routes: [{to: "100"}]
policy: {destinations: ["+44*"]}
sections: {main: [answer, {connect: {to: "+442000", ringback: []}}, hangup]}
"""


def upper_half(pcm: bytes) -> float:
    """RMS of what is above 4 kHz in PCM at 16 kHz, in 16-bit units."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(samples.size, 1 / 16_000) < 4300] = 0
    return float(np.sqrt(np.mean(np.fft.irfft(spectrum, samples.size) ** 2)))


def wide_noise(seconds: float) -> bytes:
    """Noise from 200 to 7000 Hz at 16 kHz."""
    rng = np.random.default_rng(7)
    count = int(seconds * 16_000)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequency = np.fft.rfftfreq(count, 1 / 16_000)
    spectrum[(frequency < 200) | (frequency > 7000)] = 0
    noise = np.fft.irfft(spectrum, count)
    loud = (noise * (5000 / np.sqrt(np.mean(noise**2)))).clip(-32767, 32767)
    return bytes(loud.astype("<i2").tobytes())


@pytest.mark.slow
@pytest.mark.rfc("3551", "G.722 in wideband: what is above 4 kHz comes back and is recorded")
async def test_what_is_above_4_khz_survives_to_the_echo_and_the_recording(
    serve: Serve, phone: Open
) -> None:
    server = await serve(RECORDED, media=Media(clock_rate=16_000, codecs=("G722", "PCMU")))
    alice = await phone(codecs=("G722", "PCMU"))
    call = await alice.dial(server.uri("100"))
    await call.wait_answered()
    said = wide_noise(2.0)
    for _ in range(TRIES):
        start = time.perf_counter()
        await call.play(said, wide=True)
        await call.wait_for_silence(300, 10)
        heard = call.stream.heard.wide_pcm(start)
        if likeness(said, heard, 16_000) > 0.7:
            break
    assert likeness(said, heard, 16_000) > 0.7
    assert upper_half(heard) > 0.5 * upper_half(said) * (len(said) / len(heard)) ** 0.5
    await call.hangup()
    bundle = await server.bundle()
    with wave.open(str(server.bundles[bundle.cdr.call_id] / "call.wav"), "rb") as file:
        assert file.getframerate() == 16_000
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    for side in (0, 1):
        recorded = both[:, side].tobytes()
        assert likeness(said, recorded, 16_000) > 0.7
        assert upper_half(recorded) > 0.3 * upper_half(said)
    assert bundle.cdr.media[0].codec.upper() == "G722"
    await server.idle()


@pytest.mark.rfc("3551", "PCMU and PCMA, 20 ms")
async def test_both_laws_of_g711_are_spoken_as_offered(serve: Serve, phone: Open) -> None:
    server = await serve(RECORDED)

    async def one(codec: str, seed: int) -> None:
        alice = await phone(codecs=(codec,))
        call = await alice.dial(server.uri("100"))
        await call.wait_answered()
        assert await echoed(call, seed) > 0.8
        assert {p.codec for p in call.received} == {codec}
        await call.hangup()

    await asyncio.gather(one("PCMU", 1), one("PCMA", 2))
    await server.idle()


@pytest.mark.rfc("3264", "a trunk's own codecs, in its own order, on calls to and from it")
async def test_a_trunk_has_codecs_of_its_own_both_ways(serve: Serve, phone: Open) -> None:
    carrier, alice = await phone(user="carrier", codecs=("PCMU", "PCMA", "G722")), await phone()
    trunk = Trunk(
        host="127.0.0.1",
        port=carrier.address[1],
        addresses=(ip_network("127.0.0.0/8"),),
        codecs=("G722", "PCMA"),
        prefixes=("+44",),
    )
    server = await serve(CONNECTS, trunks={"carrier": trunk}, media=Media(codecs=("PCMU", "PCMA")))
    # in: the carrier would rather speak PCMU, which this trunk is not to, then PCMA
    call = await alice.dial(server.uri("100"))
    call_out = await carrier.wait_call()
    await call.wait_answered()
    # out: what we offer it
    assert call_out.media.remote is not None
    assert call_out.media.remote.codecs == ("G722", "PCMA")
    # of the carrier's own three, in its order, the trunk's first is answered
    incoming = await carrier.dial(server.uri("100"))
    await incoming.wait_answered()
    assert incoming.media.remote is not None
    assert incoming.media.remote.codecs == ("G722",)
    late = await carrier.dial(server.uri("100"), offer=False)
    await late.wait_answered()
    assert late.media.remote is not None
    assert late.media.remote.codecs == ("G722", "PCMA")
    await asyncio.gather(call.hangup(), incoming.hangup(), late.hangup())
    await server.idle()


def _kind(data: bytes) -> int:
    """The packet type of an RTCP packet: 200 sender report, 201 receiver report."""
    return data[1]


@pytest.mark.slow
@pytest.mark.rfc("3550", "RTCP: sender reports are sent, and the far end's are on record")
async def test_reports_go_both_ways_and_are_on_record(serve: Serve, phone: Open) -> None:
    server, alice = await serve(RECORDED), await phone()
    call = await alice.dial(server.uri("100"))
    host, port = call.stream.address
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtcp:
        rtcp.bind((host, port + 1))
        rtcp.setblocking(False)
        await call.wait_answered()
        playing = asyncio.ensure_future(call.play(speech_like(60.0)))
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(60):
            report, source = await loop.sock_recvfrom(rtcp, 2048)
            while _kind(report) != 200:  # a receiver report, before our first audio
                report, source = await loop.sock_recvfrom(rtcp, 2048)
        ours = report[4:8]
        # what we lost of theirs: a tenth, 7 packets, with a jitter of 160 samples
        lost = b"\x19" + (7).to_bytes(3, "big")
        block = ours + lost + (call.received[-1].seq).to_bytes(4, "big")
        block += (160).to_bytes(4, "big") + report[10:14] + (1).to_bytes(4, "big")
        answer = b"\x81\xc9\x00\x07" + b"\0\0\0\1" + block
        for _ in range(10):  # it may be slow to look
            await loop.sock_sendto(rtcp, answer, source)
            await asyncio.sleep(0.1)
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        await call.hangup()
    (media,) = (await server.bundle()).cdr.media
    assert (media.remote_lost, media.remote_jitter_ms) == (7, 20.0)
    assert media.round_trip_ms is not None
    assert media.received > 0
    await server.idle()
