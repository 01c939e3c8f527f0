"""Sounds on real calls: hold with music, messages, taps, and who answered, over SIP and RTP."""

import asyncio
import socket
import wave
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from sipagent.events import (
    DigitReceived,
    HoldChanged,
    RecordingStopped,
    Said,
    TapStarted,
    TapStopped,
    VerbDone,
)
from sipagent.media.music import soft_music
from sipagent.providers.decoding import decode
from sipagent.testing import audio
from sipagent.testing.audio import RATE, encode, rms
from sipagent.testing.phone import Phone
from sipagent.testing.rtp import unpack
from sipagent.testing.server import Server, running
from sipagent.testing.signals import noise, share
from sipagent.testing.sounding import dial, plan, the
from sipagent.testing.voice import speak

pytestmark = pytest.mark.slow
#: a jitter buffer on a busy machine drops frames: so much of a sound must have come through
MOST = 0.4


def samples(path: Path) -> tuple[int, bytes]:
    with wave.open(str(path)) as file:
        return file.getnchannels(), file.readframes(file.getnframes())


HOLD = """
- answer
- hold: {timeout: 60}
- sleep: 2500
- resume
- sleep: 60000
"""
SIGNALLED = """
- answer
- hold: {signalled: true}
- sleep: 2500
- resume
- sleep: 60000
"""
AGENT = """
agents:
  desk:
    greeting: "Hello."
    silence_seconds: 600
    tools: [hold, resume]
    intents:
      wait: {phrases: ["please wait"], digits: "2", do: {hold: {timeout: 3}}}
      hours: {phrases: ["when are you open"], digits: "3", say: "Nine to five."}
"""


@pytest.mark.rfc("3264", "hold by sendonly with music, and resume")
async def test_callers_on_hold_hear_music_and_agents_wait(tmp_path: Path) -> None:
    plans = {
        "hold": plan("601", HOLD),
        "signalled": plan("602", SIGNALLED),
        "agent": plan("603", "- ai: {agent: desk}", AGENT),
    }
    async with (
        Phone(user="one") as one,
        Phone(user="two") as two,
        Phone(user="three") as three,
        running(tmp_path, plans) as server,
    ):
        await asyncio.gather(_held(one, server), _signalled(two, server), _agent(three, server))


async def _held(phone: Phone, server: Server) -> None:
    call = await dial(phone, server, "601")
    began = await call.wait_for_speech(10)
    await call.wait_for_silence(1000, 20)
    heard = call.stream.heard.pcm(began)
    assert share(soft_music(RATE)[: RATE * 3], heard, RATE) > MOST
    assert not call.on_hold
    await call.hangup()


async def _signalled(phone: Phone, server: Server) -> None:
    call = await dial(phone, server, "602")
    await server.wait_for(lambda: call.on_hold)
    held = asyncio.get_running_loop().time()
    await call.wait_for_speech(10)
    await server.wait_for(lambda: not call.on_hold)
    assert asyncio.get_running_loop().time() - held > 1
    assert share(soft_music(RATE)[: RATE * 3], call.stream.heard.pcm(), RATE) > MOST
    await call.hangup()


async def _agent(phone: Phone, server: Server) -> None:
    call = await dial(phone, server, "603")
    hello = await the(server, Said, text="Hello.")
    await call.press("2")
    held = await the(server, HoldChanged, held=True, call_id=hello.call_id)
    await call.press("3")
    await the(server, DigitReceived, digit="3")
    back = await the(server, HoldChanged, held=False, call_id=hello.call_id)
    said = await the(server, Said, text="Nine to five.")
    assert said.start >= back.t
    assert back.t - held.t > 2000
    await call.hangup()


RECORD = """
- answer
- record: {beep: true, end_silence_timeout: 1, initial_timeout: 20, control_id: message}
- record: {format: mp3, control_id: second, terminators: "5", end_silence_timeout: 30}
- hangup
"""
PAUSED = """
- answer
- record_call: {control_id: kept, direction: speak, stereo: false}
- record_call: {control_id: cut, direction: speak, stereo: false}
- sleep: 2000
- pause_record_call: {control_id: kept}
- pause_record_call: {control_id: cut, behavior: skip}
- sleep: 2000
- resume_record_call: {control_id: kept}
- resume_record_call: {control_id: cut}
- sleep: 2000
- hangup
"""


async def test_messages_are_recorded_and_what_is_said_in_a_pause_is_not(tmp_path: Path) -> None:
    plans = {"record": plan("604", RECORD), "paused": plan("605", PAUSED)}
    async with (
        Phone(user="one") as one,
        Phone(user="two") as two,
        running(tmp_path, plans) as server,
    ):
        await asyncio.gather(_messages(one, server), _paused(two, server))


async def _messages(phone: Phone, server: Server) -> None:
    # before the call: what this takes is silence in the first message otherwise
    first = speak("Please call me back tomorrow, I have lost my card.")
    second = speak("It is the blue one with my name on it.")
    call = await dial(phone, server, "604")
    await call.wait_for_speech(10)
    await call.wait_for_silence(200, 10)
    await call.play(first)
    message = await the(server, RecordingStopped, control_id="message")
    await call.play(second)
    await call.press("5")
    stopped = await the(server, RecordingStopped, control_id="second")
    await call.wait_ended()
    await server.bundle(stopped.call_id)
    folder = server.bundles[stopped.call_id]
    channels, pcm = samples(folder / message.path)
    assert channels == 1
    assert share(first, pcm, RATE) > MOST
    # no silence but the second that ended it, give or take the detector's own
    assert message.duration_ms < 1000 * len(first) / 16_000 + 3500
    assert share(second, decode((folder / "second.mp3").read_bytes(), "", RATE), RATE, 0.7) > MOST


async def _paused(phone: Phone, server: Server) -> None:
    call = await dial(phone, server, "605")
    await call.play(noise(3, 8000, RATE))
    kept = await the(server, RecordingStopped, control_id="kept")
    cut = await the(server, RecordingStopped, control_id="cut")
    assert kept.duration_ms - cut.duration_ms == pytest.approx(2000, abs=400)
    await server.bundle(kept.call_id)
    folder = server.bundles[kept.call_id]
    _, whole = samples(folder / "kept.wav")
    quiet = [rms(whole[at : at + 1600]) < 10 for at in range(0, len(whole) - 1600, 1600)]
    assert 15 <= max(map(len, "".join("q" if q else "." for q in quiet).split("."))) <= 25
    _, rest = samples(folder / "cut.wav")
    loud = [rms(rest[at : at + 1600]) > 100 for at in range(16_000, len(rest) - 16_000, 1600)]
    assert sum(loud) > 0.8 * len(loud)


TAP = """
- answer
- tap: {uri: "RTP", control_id: rtp, codec: PCMA, direction: both}
- stream: {url: "WS", control_id: ws, track: inbound, custom_parameters: {desk: 7}}
- tap: {uri: "rtp://127.0.0.1:9", control_id: denied}
- play: "say:Hello, this call is tapped."
- sleep: 4000
- stop_tap: {control_id: rtp}
- sleep: 60000
"""


async def test_a_call_is_tapped_by_rtp_and_talked_to_by_a_websocket(tmp_path: Path) -> None:
    answer, said = noise(9, 1500, RATE), noise(5, 3000, RATE)
    messages: list[str | bytes] = []

    async def server_side(connection: ServerConnection) -> None:
        async for message in connection:
            messages.append(message)
            if len(messages) == 100:
                await connection.send(encode("PCMU", answer))

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as catcher:
        catcher.bind(("127.0.0.1", 0))
        catcher.setblocking(False)
        packets: list[Any] = []
        loop = asyncio.get_running_loop()
        loop.add_reader(catcher, lambda: packets.append(unpack(catcher.recv(2000), 0.0)))
        rtp = f"rtp://127.0.0.1:{catcher.getsockname()[1]}"
        async with serve(server_side, "127.0.0.1", 0) as web, Phone(user="one") as phone:
            ws = f"ws://127.0.0.1:{next(iter(web.sockets)).getsockname()[1]}/calls"
            top = f'policy: {{taps: ["{rtp}", "{ws}"]}}'
            text = plan("606", TAP.replace("RTP", rtp).replace("WS", ws), top)
            async with running(tmp_path, text) as server:
                call = await dial(phone, server, "606")
                await the(server, TapStarted, control_id="ws")
                await call.play(said)
                stopped = await the(server, TapStopped, control_id="rtp")
                await server.wait_for(lambda: share(answer, call.stream.heard.pcm(), RATE) > MOST)
                await call.hangup()
                end = await the(server, TapStopped, control_id="ws")
                denied = await the(server, VerbDone, verb="tap", ok=False)
                bundle = await server.bundle(stopped.call_id)
        loop.remove_reader(catcher)
    assert denied.status == 403
    assert (stopped.reason, end.reason) == ("stopped", "the call ended")
    assert stopped.dropped == 0
    assert len(packets) == stopped.sent
    first = packets[0]
    assert [(p.seq - first.seq) & 0xFFFF for p in packets] == list(range(len(packets)))
    assert {(p.timestamp - first.timestamp) % 160 for p in packets} == {0}
    assert {(p.codec, p.ssrc, len(p.payload)) for p in packets} == {("PCMA", first.ssrc, 160)}
    tapped = b"".join(p.pcm for p in packets)
    assert share(said, tapped, RATE, 0.5) > MOST
    streamed = b"".join(audio.decode("PCMU", m[8:]) for m in messages if isinstance(m, bytes))
    assert share(said, streamed, RATE) > MOST
    assert '"parameters": {"desk": 7}' in str(messages[0])
    assert bundle.cdr.status == 200
