"""Hold, resume, UPDATE, late offers, another codec: sessions that change (RFC 3264, RFC 3311)."""

import time
from typing import TYPE_CHECKING, Any

import pytest

from sipagent.call.dial import Dial
from sipagent.call.leg import LegState
from sipagent.events import LegHeld, Said, SpeechStarted
from sipagent.testing.actor import launching
from sipagent.testing.audio import speech_like
from sipagent.testing.echoing import echoed
from sipagent.testing.phone import Phone
from sipagent.testing.sip.agent import Outgoing
from sipagent.testing.sip.sdp import Direction

if TYPE_CHECKING:
    from sipagent.testing.stage import Stage

Serve = Any
Open = Any


def direction(body: bytes) -> str:
    """The `a=` line that says who sends."""
    lines = body.decode().split("\r\n")
    return next((line[2:] for line in lines if line[2:] in set(Direction)), "sendrecv")


@pytest.mark.rfc("3264", "hold is answered: sendonly by recvonly, inactive by inactive")
@pytest.mark.rfc("3264", "hold by the address 0.0.0.0 (RFC 2543) is answered by recvonly")
async def test_each_kind_of_hold_is_answered_as_it_should_be(serve: Serve, phone: Open) -> None:
    server, alice = await serve(), await phone()
    call = await alice.dial(server.uri("100"))
    await call.wait_answered()
    answers = []
    for wish in (Direction.SENDONLY, Direction.INACTIVE, Direction.SENDRECV):
        call.media.wish = wish
        answers.append(direction((await call.session.reinvite()).body))
    assert answers == ["recvonly", "inactive", "sendrecv"]

    offer = call.media.offer
    nowhere = lambda: offer().replace(b"c=IN IP4 127.0.0.1", b"c=IN IP4 0.0.0.0")  # noqa: E731
    call.media.offer = nowhere
    since = len(server.events)
    answers = [direction((await call.session.reinvite()).body)]
    await server.until(lambda e: isinstance(e, LegHeld) and e.on_hold, since=since)
    call.media.wish = Direction.SENDONLY
    answers.append(direction((await call.session.reinvite()).body))
    call.media.wish, call.media.offer = Direction.SENDRECV, offer
    answers.append(direction((await call.session.reinvite()).body))
    assert answers == ["recvonly", "recvonly", "sendrecv"]
    assert await echoed(call, 1) > 0.8
    await call.hangup()
    held = [e.on_hold for e in server.events if isinstance(e, LegHeld)]
    assert held == [True, False, True, False]


@pytest.mark.slow
@pytest.mark.rfc("3261", "hold, resume twenty times in one dialog, then BYE: by the far end")
async def test_a_phone_holds_and_resumes_twenty_times_in_one_dialog(
    serve: Serve, phone: Open
) -> None:
    server, alice = await serve(), await phone()
    call = await alice.dial(server.uri("100"))
    await call.wait_answered()
    for _ in range(20):
        await call.hold()
        await call.resume()
    assert await echoed(call, 2) > 0.8
    await call.hangup()
    await server.ended()
    held = [e.on_hold for e in server.events if isinstance(e, LegHeld)]
    assert held == [True, False] * 20
    await server.idle()


GREETS = """
routes: [{to: "100"}]
agents:
  desk:
    greeting: "Good morning, this is the bicycle shop of Rossi and Sons. How may I help you today?"
    silence_seconds: 3
    intents: {bye: {phrases: ["goodbye"], say: "Goodbye."}}
sections:
  main:
    - answer
    - record_call: {control_id: call, stereo: true}
    - ai: {agent: desk}
"""


@pytest.mark.slow
@pytest.mark.rfc("3264", "an agent on hold stays quiet, hears nothing, and goes on at resume")
async def test_an_agent_on_hold_is_quiet_deaf_and_patient(serve: Serve, phone: Open) -> None:
    server, alice = await serve(GREETS), await phone()
    call = await alice.dial(server.uri("100"))
    await call.wait_answered()
    await call.wait_for_speech(10)
    await call.hold()
    held_at = (await server.until(lambda e: isinstance(e, LegHeld))).t
    quiet = time.perf_counter()
    # the music of whoever holds, longer than the agent would wait in silence
    await call.play(speech_like(5.0, seed=9))
    # by when they came: those from before may not have been read yet
    assert sum(packet.at > quiet for packet in call.received) <= 2
    await call.resume()
    back = await server.until(lambda e: isinstance(e, LegHeld) and not e.on_hold)
    said = await server.until(lambda e: isinstance(e, Said))
    await call.hangup()
    assert isinstance(said, Said)
    assert said.text.endswith("today?")
    assert not said.interrupted
    assert said.start < held_at < back.t < said.end
    heard = [e for e in server.events if isinstance(e, SpeechStarted) and e.speaker == "caller"]
    assert not heard
    await server.idle()


async def _holds_twenty_times(stage: "Stage", target: str) -> Any:
    leg = await stage.dialer.dial(Dial(target))
    await leg.wait(LegState.CONFIRMED)
    seen = []
    for _ in range(20):
        await leg.hold()
        seen.append(leg.on_hold)
        await leg.resume()
        seen.append(leg.on_hold)
    await leg.hangup()
    return [seen, leg.status]


@pytest.mark.rfc("3261", "hold, resume twenty times in one dialog, then BYE: by us")
async def test_we_hold_and_resume_twenty_times_in_one_dialog() -> None:
    async with launching() as launch, Phone(user="bob") as bob:
        actor = await launch(_holds_twenty_times, bob.uri)
        assert await actor.result() == [[True, False] * 20, 200]
        (call,) = bob.calls
        asked = [direction(m.body) for m in call.distinct("INVITE")[1:]]
        assert asked == ["sendonly", "sendrecv"] * 20


@pytest.mark.rfc("3311", "UPDATE in a call: a new offer, and a mere refresh")
async def test_update_holds_resumes_and_refreshes(serve: Serve, phone: Open) -> None:
    server, alice = await serve(), await phone()
    call = await alice.dial(server.uri("100"))
    await call.wait_answered()
    call.media.wish = Direction.SENDONLY
    assert direction((await call.session.update()).body) == "recvonly"
    call.media.wish = Direction.SENDRECV
    assert direction((await call.session.update()).body) == "sendrecv"
    assert not (await call.session.update(offer=False)).body
    assert await echoed(call, 3) > 0.8
    await call.hangup()


@pytest.mark.rfc("3264", "late offer: an INVITE without SDP is answered by our offer")
@pytest.mark.rfc("3261", "a re-INVITE without SDP is answered by our offer")
async def test_offers_that_come_late_are_made_by_us(serve: Serve, phone: Open) -> None:
    server, alice = await serve(), await phone()
    call = await alice.dial(server.uri("100"), offer=False)
    await call.wait_answered()
    assert await echoed(call, 4) > 0.8
    answer = await call.session.reinvite(offer=False)
    assert b"m=audio" in answer.body
    assert direction(answer.body) == "sendrecv"
    assert await echoed(call, 5) > 0.8
    await call.hangup()


@pytest.mark.slow
@pytest.mark.rfc("3264", "the codec changes by re-INVITE: PCMU, PCMA, G722")
@pytest.mark.rfc("3551", "PCMU and PCMA, 20 ms")
async def test_the_codec_changes_in_the_middle_of_a_call(serve: Serve, phone: Open) -> None:
    server = await serve()
    alice = await phone(codecs=("PCMU",))
    call = await alice.dial(server.uri("100"))
    await call.wait_answered()
    assert await echoed(call, 6) > 0.8
    for seed, codec in enumerate(("PCMA", "G722", "PCMU"), start=7):
        call.media.codecs = (codec,)
        await call.session.reinvite()
        assert await echoed(call, seed) > 0.8, codec
        assert call.received[-1].codec == codec
    call.media.codecs = ("PCMA", "PCMU")
    await call.session.reinvite(offer=False)
    assert await echoed(call, 11) > 0.8
    await call.hangup()
    (media,) = (await server.bundle()).cdr.media
    assert media.received > 200
    assert media.lost == 0


@pytest.mark.rfc("3261", "OPTIONS within a dialog is answered; after its end it is 481")
async def test_a_peer_asks_if_its_call_is_alive(serve: Serve, phone: Open) -> None:
    server, alice = await serve(), await phone()
    call = await alice.dial(server.uri("100"))
    await call.wait_answered()
    assert await call.send_request("OPTIONS") == 200
    await call.hangup()
    await server.idle()
    gone = await call.session.agent.ask(call.session.dialog, Outgoing("OPTIONS"))
    assert gone.status == 481
