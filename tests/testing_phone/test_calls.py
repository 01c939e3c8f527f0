"""Two phones in calls with each other, over real sockets."""

import asyncio
import hashlib
import re
import time
from pathlib import Path
from typing import Literal

import pytest

from sipagent.call.leg import LegState
from sipagent.errors import LegFailed
from sipagent.testing import audio
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import Phone, answer_after, refuse_with, ring_for_ever
from sipagent.testing.sip.sdp import Direction
from sipagent.testing.sip.transaction import Timers


async def connect(caller: Phone, callee: Phone) -> tuple[PhoneCall, PhoneCall]:
    """A call that is up: the caller's side and the callee's."""
    number = len(callee.calls) + 1
    call = await caller.dial(callee.uri)
    await call.wait_answered(5)
    return call, await callee.wait_call(number)


def told(call: PhoneCall) -> Direction:
    """The direction the far end last described to this side."""
    assert call.media.remote is not None
    return call.media.remote.direction


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
async def test_both_sides_hear_each_other(codec: str) -> None:
    async with Phone(user="alice", codecs=(codec,)) as alice, Phone(user="bob") as bob:
        call, other = await connect(alice, bob)
        ours, theirs = audio.speech_like(1.0, 1), audio.speech_like(1.0, 2)
        await asyncio.gather(call.play(ours), other.play(theirs))
        await asyncio.gather(call.wait_for_silence(60, 5), other.wait_for_silence(60, 5))
        assert audio.correlate(ours, other.stream.heard.pcm()).corr > 0.95
        assert audio.correlate(theirs, call.stream.heard.pcm()).corr > 0.95
        assert {p.codec for p in other.received} == {codec}


async def test_speech_is_heard_when_it_leaves(alice: Phone, bob: Phone) -> None:
    call, other = await connect(alice, bob)
    waiting = asyncio.ensure_future(other.wait_for_speech(5))
    played = await call.play(audio.silence(0.2) + audio.speech_like(0.5, 1))
    before = [p for p in call.stream.said.packets(played.start) if p.at < played.onset]
    assert len(before) == 10  # 0.2 s of silence
    assert abs(await waiting - played.onset) < 1
    silent = await other.wait_for_silence(200, 5)
    assert abs(silent - played.end) < 1
    assert other.rms_since(played.onset) > 1000


async def test_play_ends_when_it_is_stopped(alice: Phone, bob: Phone) -> None:
    call, other = await connect(alice, bob)
    playing = asyncio.ensure_future(call.play(audio.speech_like(30, 1)))
    await other.wait_for_speech(5)
    call.stop_playing()
    played = await playing
    assert not played.whole
    await other.wait_for_silence(100, 5)


async def test_keys_are_heard_as_rfc_4733_events(alice: Phone, bob: Phone) -> None:
    call, other = await connect(alice, bob)
    await call.press("1122#*AD")
    assert await other.wait_for_digits(8, 5) == "1122#*AD"
    events = [p for p in other.received if p.codec is None]
    ends = [p for p in events if p.payload[1] & 0x80]
    assert len(ends) == 3 * 8
    assert len({p.timestamp for p in events}) == 8


async def test_keys_are_heard_as_info(alice: Phone, bob: Phone) -> None:
    call, other = await connect(alice, bob)
    await call.press("42#", info=True)
    assert await other.wait_for_digits(3, 5) == "42#"


async def test_hold_silences_and_resume_brings_back(alice: Phone, bob: Phone) -> None:
    call, other = await connect(alice, bob)
    await call.hold()
    assert call.on_hold
    assert other.on_hold
    assert (told(other), told(call)) == (Direction.SENDONLY, Direction.RECVONLY)
    asked = asyncio.ensure_future(call.wait_for_speech(5))
    talking = asyncio.ensure_future(other.play(audio.speech_like(0.5, 1)))
    await call.resume()
    assert (told(call), told(other)) == (Direction.SENDRECV, Direction.SENDRECV)
    await asked
    await talking


async def test_a_ringing_call_can_be_cancelled(alice: Phone, bob: Phone) -> None:
    bob.on_call = ring_for_ever
    call = await alice.dial(bob.uri)
    other = await bob.wait_call()
    async with asyncio.timeout(5):
        while call.state is not LegState.EARLY:
            await asyncio.sleep(0.005)
    ended = await call.hangup()
    assert (ended.by, ended.status) == ("local", 487)
    assert (await other.wait_ended(5)).by == "remote"


async def test_a_cancel_waits_for_the_first_provisional(alice: Phone, bob: Phone) -> None:
    bob.on_call = ring_for_ever
    call = await alice.dial(bob.uri)
    ended = await call.hangup()
    assert ended.status == 487
    assert (await (await bob.wait_call()).wait_ended(5)).status == 487


@pytest.mark.parametrize("status", [302, 404, 486, 603])
async def test_a_refusal_is_told_with_its_status(alice: Phone, bob: Phone, status: int) -> None:
    bob.on_call = refuse_with(status)
    call = await alice.dial(bob.uri)
    with pytest.raises(LegFailed) as refused:
        await call.wait_answered(5)
    assert refused.value.status == status
    assert (await call.wait_ended()).by == "remote"


async def test_no_codec_in_common_is_488() -> None:
    async with (
        Phone(user="a", codecs=("PCMU",)) as alice,
        Phone(user="b", codecs=("PCMA",)) as bob,
    ):
        call = await alice.dial(bob.uri)
        with pytest.raises(LegFailed, match="488"):
            await call.wait_answered(5)


async def test_ringing_is_told_before_the_answer(alice: Phone, bob: Phone) -> None:
    bob.on_call = answer_after(0.05)
    call, _ = await connect(alice, bob)
    times = call.times
    assert times.ringing is not None
    assert times.answered is not None
    assert times.begun <= times.ringing < times.answered


async def test_early_media_is_heard_before_the_answer(alice: Phone, bob: Phone) -> None:
    answered = asyncio.Event()

    async def announce(call: PhoneCall) -> None:
        call.early_media()
        await call.play(audio.speech_like(0.3, 1))
        await answered.wait()
        call.answer()

    bob.on_call = announce
    call = await alice.dial(bob.uri)
    await call.wait_for_speech(5)
    assert call.state is LegState.EARLY
    answered.set()
    await call.wait_answered(5)


async def test_a_late_offer_is_answered_in_the_ack(alice: Phone, bob: Phone) -> None:
    call = await alice.dial(bob.uri, offer=False)
    await call.wait_answered(5)
    other = await bob.wait_call()
    waiting = asyncio.ensure_future(other.wait_for_speech(5))
    await call.play(audio.speech_like(0.3, 1))
    await waiting
    assert other.media.remote is not None
    assert other.media.remote.port == call.stream.address[1]


async def test_whoever_hangs_up_both_sides_know(alice: Phone, bob: Phone) -> None:
    call, other = await connect(alice, bob)
    assert (await other.hangup()).by == "local"
    ended = await call.wait_ended(5)
    assert (ended.by, ended.status, ended.reason) == ("remote", 200, "BYE")
    await call.hangup()


async def test_a_blind_transfer_reports_the_truth(alice: Phone, bob: Phone) -> None:
    async with Phone(user="carol") as carol:
        call, other = await connect(alice, bob)
        outcome = await call.refer(carol.uri, timeout=5)
        assert outcome.status == 200
        incoming = await carol.wait_call()
        assert incoming.invite is not None
        assert alice.uri in incoming.invite.get("Referred-By")
        assert other.state is LegState.CONFIRMED

        carol.on_call = refuse_with(486)
        assert (await call.refer(carol.uri, timeout=5)).status == 486


async def test_an_attended_transfer_takes_the_consultations_place(alice: Phone, bob: Phone) -> None:
    async with Phone(user="carol") as carol:
        call, _ = await connect(alice, bob)
        consultation, at_carol = await connect(alice, carol)
        outcome = await call.refer("", replacing=consultation, timeout=5)
        assert outcome.ok
        assert (await at_carol.wait_ended(5)).by == "local"
        assert (await consultation.wait_ended(5)).by == "remote"
        assert (await carol.wait_call(2)).state is LegState.CONFIRMED


async def test_a_challenge_is_met_with_the_password(bob: Phone) -> None:
    seen: list[str] = []

    async def challenge(call: PhoneCall) -> None:
        assert call.invite is not None
        seen.append(call.invite.get("Authorization"))
        if seen[-1]:
            call.answer()
        else:
            call.refuse(401, [("WWW-Authenticate", 'Digest realm="r", nonce="n"')])

    bob.on_call = challenge
    async with Phone(user="alice", password="secret") as alice:
        call = await alice.dial(bob.uri)
        await call.wait_answered(5)

    def h(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    proof = h(f"{h('alice:r:secret')}:n:{h('INVITE:' + bob.uri)}")
    assert seen[0] == ""
    assert re.search(rf'response="{proof}"', seen[1])


async def test_a_wrong_password_is_not_tried_twice(bob: Phone) -> None:
    challenge = [("WWW-Authenticate", 'Digest realm="r", nonce="n"')]
    bob.on_call = refuse_with(401, challenge)
    async with Phone(user="alice", password="wrong") as alice:
        call = await alice.dial(bob.uri)
        with pytest.raises(LegFailed, match="401"):
            await call.wait_answered(5)
    assert len(bob.calls) == 2


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_goes_over_either_transport(transport: Literal["udp", "tcp"]) -> None:
    async with (
        Phone(user="a", transport=transport) as alice,
        Phone(user="b", transport=transport) as bob,
    ):
        call, other = await connect(alice, bob)
        await call.hold()
        assert other.on_hold
        await other.hangup()
        assert (await call.wait_ended(5)).by == "remote"


async def test_an_unanswered_bye_does_not_keep_a_phone_open() -> None:
    alice = Phone(user="alice", timers=Timers(t1=0.05))
    bob = Phone(user="bob")
    await alice.__aenter__()
    await bob.__aenter__()
    await connect(alice, bob)
    await bob.agent.close()  # bob's machine is gone, without a word
    begun = time.perf_counter()
    await alice.close()
    assert time.perf_counter() - begun < 30
    await asyncio.gather(*(call.stream.close() for call in bob.calls))


async def test_options_and_messages_are_answered(alice: Phone, bob: Phone) -> None:
    assert await alice.options(bob.uri) == 200
    call, _ = await connect(alice, bob)
    assert await call.send_request("MESSAGE", b"hello") == 200
    assert await call.send_request("OPTIONS") == 200
    assert await call.send_request("PUBLISH") == 405


async def test_garbage_disturbs_nothing(alice: Phone, bob: Phone) -> None:
    loop = asyncio.get_running_loop()
    sender, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=bob.address
    )
    for data in (b"hello", b"\r\n\r\n", b"INVITE sip:x SIP/2.0\r\n\r\n", bytes(2000)):
        sender.sendto(data)
    sender.close()
    call, _ = await connect(alice, bob)
    assert call.state is LegState.CONFIRMED
    assert bob.agent.garbage == 2


async def test_a_call_is_written_as_stereo(alice: Phone, bob: Phone, tmp_path: Path) -> None:
    call, other = await connect(alice, bob)
    speech = audio.speech_like(0.5, 1)
    await other.play(speech)
    await call.wait_for_silence(60, 5)
    await call.hangup()
    call.heard_wav(tmp_path / "heard.wav")
    call.stereo_wav(tmp_path / "both.wav")
    heard, rate = audio.read_wav(tmp_path / "heard.wav")
    assert rate == 8000
    assert audio.correlate(speech, heard).corr > 0.95
    sent, _ = audio.read_wav(tmp_path / "both.wav")
    assert audio.rms(sent) < 20


async def test_an_ended_call_can_be_forgotten(alice: Phone, bob: Phone) -> None:
    call, _ = await connect(alice, bob)
    alice.forget(call)
    assert alice.calls == [call]
    await call.hangup()
    alice.forget(call)
    assert alice.calls == []
