"""Scripts for a test phone: how they are written, and what they report."""

import json
from pathlib import Path

import pytest

from sipagent.testing import audio
from sipagent.testing.actions import (
    ExpectDigits,
    Hangup,
    Press,
    Record,
    Say,
    Wait,
    WaitSilence,
    WaitSpeech,
    load,
)
from sipagent.testing.call import PhoneCall
from sipagent.testing.phone import Phone, refuse_with
from sipagent.testing.script import BadScript, parse, run_script


async def speak(text: str) -> bytes:
    return audio.speech_like(0.2, len(text))


def test_words_become_actions() -> None:
    words = [
        "say",
        "hold",
        "wait",
        "1.5",
        "wait-speech",
        "wait-silence",
        "400",
        "press",
        "12#",
        "record",
        "a.wav",
        "hangup",
    ]
    assert parse(words) == (
        Say("hold"),
        Wait(1.5),
        WaitSpeech(),
        WaitSilence(400),
        Press("12#"),
        Record(Path("a.wav")),
        Hangup(),
    )


def test_what_may_be_left_out_can_be_given() -> None:
    assert parse(["expect-digits", "1", "2.5"]) == (ExpectDigits("1", 2.5),)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["sya", "hello"], "'sya' is no action"),
        (["hangup", "say"], "say needs its text"),
        (["wait", "soon"], "'soon' is no seconds"),
    ],
)
def test_a_script_that_cannot_be_read_says_why(words: list[str], told: str) -> None:
    with pytest.raises(BadScript, match=told):
        parse(words)


async def answering(call: PhoneCall) -> None:
    call.answer()
    await call.wait_for_speech(5)
    await call.wait_for_silence(100, 5)
    await call.play(audio.speech_like(0.3, 9))
    await call.press("7")


async def test_a_conversation_is_reported(alice: Phone, bob: Phone, tmp_path: Path) -> None:
    bob.on_call = answering
    recording = tmp_path / "call.wav"
    script = f"record {recording} say hello wait-speech wait-silence 100 expect-digits 7 hangup"
    call = await alice.dial(bob.uri)
    report = await run_script(call, parse(script.split()), speak=speak)
    assert report.ok
    assert (report.status, report.ended_by, report.keys_heard) == (200, "local", "7")
    assert [step.action for step in report.steps] == [
        *("record", "say", "wait-speech", "wait-silence", "expect-digits", "hangup")
    ]
    assert report.steps[2].data["after_our_speech_ms"] > 0
    assert json.loads(json.dumps(report.as_dict()))["rtp"]["heard"]["packets"] > 10
    assert audio.rms(audio.read_wav(recording)[0]) > 100


async def test_a_refused_call_is_reported(alice: Phone, bob: Phone) -> None:
    bob.on_call = refuse_with(486)
    report = await run_script(await alice.dial(bob.uri), parse(["say", "x"]), speak=speak)
    assert not report.ok
    assert (report.status, report.reason, report.steps) == (486, "Busy Here", ())
    assert report.ended_by == "remote"


async def test_an_expectation_that_fails_ends_the_script(alice: Phone, bob: Phone) -> None:
    bob.on_call = answering
    script = parse(["say", "hello", "expect-digits", "8", "wait", "60"])
    report = await run_script(await alice.dial(bob.uri), script, speak=speak)
    assert not report.ok
    assert report.steps[-1].detail == "expected 8, heard 7"
    assert report.ended_by == "local"


async def test_a_wait_in_vain_is_reported(alice: Phone, bob: Phone) -> None:
    script = parse(["wait-speech", "0.1"])
    report = await run_script(await alice.dial(bob.uri), script, speak=speak)
    assert [step.ok for step in report.steps] == [False]


async def test_a_far_end_that_hangs_up_ends_a_wait(alice: Phone, bob: Phone) -> None:
    async def leave(call: PhoneCall) -> None:
        call.answer()
        await call.wait_for_speech(5)
        await call.hangup()

    bob.on_call = leave
    script = parse(["say", "hello", "wait-speech", "60"])
    report = await run_script(await alice.dial(bob.uri), script, speak=speak)
    assert not report.ok
    assert report.steps[-1].detail == "the call was over: BYE"
    assert report.ended_by == "remote"


async def test_a_far_end_may_be_expected_to_hang_up(alice: Phone, bob: Phone) -> None:
    async def leave(call: PhoneCall) -> None:
        call.answer()
        await call.wait_for_speech(5)
        await call.hangup()

    bob.on_call = leave
    script = parse(["say", "hello", "expect-end", "5"])
    report = await run_script(await alice.dial(bob.uri), script, speak=speak)
    assert report.ended_by == "remote"


async def test_hold_resume_and_refer_are_steps(alice: Phone, bob: Phone) -> None:
    async with Phone(user="carol") as carol:
        script = parse(f"hold resume press 1 refer {carol.uri}".split())
        report = await run_script(await alice.dial(bob.uri), script, speak=speak)
        assert report.ok
        assert report.steps[-1].data == {"status": 200}
        assert bob.calls[0].keys.pressed == "1"


def test_a_file_of_another_rate_is_brought_to_8_khz(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    audio.write_wav(path, audio.speech_like(0.5, 1, rate=16000), 16000)
    assert len(load(path)) == pytest.approx(8000, abs=200)
