"""The phone against real peers: SIPp's scenarios and baresip."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from sipagent.errors import LegFailed
from sipagent.testing import audio
from sipagent.testing.baresip import Baresip, BaresipError
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import Phone, ring_for_ever
from sipagent.testing.sip.transaction import Timers
from sipagent.testing.sipp import Sipp

pytestmark = pytest.mark.peer
SCENARIOS = Path(__file__).parent.parent / "sipp"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


async def answer_silently(call: PhoneCall) -> None:
    call.answer()


async def run_against(phone: Phone, name: str) -> None:
    target = f"{phone.address[0]}:{phone.address[1]}"
    async with Sipp(SCENARIOS / f"{name}.xml", target=target, more=["-d", "200"]) as sipp:
        result = await sipp.wait(30)
        assert result.ok, result.output


@pytest.mark.parametrize("name", ["uac-invite-answer-bye", "uac-call-hold-bye", "uac-offerless"])
async def test_an_ordinary_caller_is_served(bob: Phone, name: str) -> None:
    await run_against(bob, name)
    assert (await bob.calls[0].wait_ended(5)).by == "remote"


async def test_a_caller_who_cancels_is_let_go(bob: Phone) -> None:
    bob.on_call = ring_for_ever
    await run_against(bob, "uac-cancel-while-ringing")
    assert (await bob.calls[0].wait_ended(5)).status == 487


@pytest.mark.slow
async def test_a_caller_who_never_acknowledges_is_hung_up_on() -> None:
    async with Phone(user="bob", timers=Timers(t1=0.02, t2=0.2)) as bob:
        await run_against(bob, "uac-no-ack")
        assert (await bob.calls[0].wait_ended(5)).by == "local"


async def test_a_called_party_that_answers_echoes(alice: Phone) -> None:
    async with Sipp(SCENARIOS / "uas-answers.xml", rtp_echo=True) as sipp:
        call = await alice.dial(sipp.uri)
        await call.wait_answered(5)
        speech = audio.speech_like(0.5, 1)
        await call.play(speech)
        await call.wait_for_silence(100, 5)
        await call.hangup()
        assert (await sipp.wait(10)).ok
        assert audio.correlate(speech, call.stream.heard.pcm()).corr > 0.95


async def test_a_busy_party_is_told(alice: Phone) -> None:
    async with Sipp(SCENARIOS / "uas-busy.xml") as sipp:
        call = await alice.dial(sipp.uri)
        with pytest.raises(LegFailed, match="486"):
            await call.wait_answered(5)
        assert (await sipp.wait(10)).ok


async def test_a_failing_scenario_is_told(bob: Phone) -> None:
    target = f"127.0.0.1:{bob.address[1]}"
    scenario = SCENARIOS / "uac-cancel-while-ringing.xml"  # it rings first; bob answers at once
    bob.on_call = answer_silently
    async with Sipp(scenario, target=target) as sipp:
        result = await sipp.wait(30)
    assert not result.ok
    assert result.failed == 1


@pytest.mark.slow
async def test_baresip_is_called_and_both_sides_hear(alice: Phone) -> None:
    ours, theirs = audio.speech_like(1.5, 1), audio.speech_like(1.5, 2)
    async with Baresip(play=theirs, answer="auto") as baresip:
        call = await alice.dial(baresip.uri)
        await call.wait_answered(5)
        await call.play(ours)
        await call.press("12#")
        await baresip.press("42")
        assert await call.wait_for_digits(2, 5) == "42"
        await call.hangup()
        await baresip.wait_event("CALL_CLOSED")
        keys = [e.param for e in baresip.events if e.type == "CALL_DTMF_START"]
        assert keys == ["1", "2", "#"]
        assert audio.correlate(ours, baresip.heard()).corr > 0.95
        assert audio.correlate(theirs, call.stream.heard.pcm()).corr > 0.95


@pytest.mark.slow
async def test_baresip_calls_holds_and_hangs_up(alice: Phone) -> None:
    theirs = audio.speech_like(1.0, 2)
    async with Baresip(play=theirs, codecs=("PCMA",)) as baresip:
        await baresip.dial(alice.uri)
        await baresip.wait_event("CALL_ESTABLISHED")
        call = await alice.wait_call()
        await call.wait_for_speech(5)
        await call.wait_for_silence(200, 5)
        assert {p.codec for p in call.received} == {"PCMA"}
        await baresip.hold()
        await until(lambda: call.on_hold)
        await baresip.resume()
        await until(lambda: not call.on_hold)
        await baresip.hangup()
        assert (await call.wait_ended(5)).by == "remote"
        assert audio.correlate(theirs, call.stream.heard.pcm()).corr > 0.95


@pytest.mark.slow
async def test_baresip_transfers_the_phone(alice: Phone, bob: Phone) -> None:
    async with Baresip() as baresip:
        await baresip.dial(alice.uri)
        await baresip.wait_event("CALL_ESTABLISHED")
        await baresip.transfer(bob.uri)
        incoming = await bob.wait_call()
        await incoming.wait_answered(5)


async def test_baresip_says_no_to_a_command_it_does_not_know() -> None:
    async with Baresip() as baresip:
        with pytest.raises(BaresipError):
            await baresip.command("no-such-command")
