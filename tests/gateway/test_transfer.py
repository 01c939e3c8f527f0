"""A caller presses 2 and is put through: two-way audio, and a bundle that tells all of it."""

import time
import wave
from pathlib import Path

import numpy as np
import pytest

from sipagent.events import DigitReceived, VerbDone
from sipagent.store.bundle import CALL, TIMELINE, Bundle
from sipagent.testing.audio import RATE, correlate, rms, speech_like
from sipagent.testing.phone import Phone
from sipagent.testing.server import running

PLAN = """
routes: [{to: "100"}]
agents:
  reception:
    greeting: "Hello."
    silence_seconds: 600
    tools: [transfer]
    intents:
      sales:
        phrases: ["sales please"]
        digits: "2"
        say: "One moment."
        do: {transfer: {to: "SALES", timeout: 10}}
policy:
  destinations: ["sip:sales@127.0.0.1:*"]
  limits: {transfer: 3}
sections:
  main:
    - answer
    - record_call: {control_id: call, stereo: true}
    - ai: {agent: reception}
    - hangup
"""
FROM_CALLER, FROM_SALES = speech_like(3.0, seed=1), speech_like(3.0, seed=2)


def sides(path: Path) -> tuple[bytes, bytes, int]:
    """Left, right and the rate of a stereo recording."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (2, 2)
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
        return both[:, 0].tobytes(), both[:, 1].tobytes(), file.getframerate()


@pytest.mark.slow
@pytest.mark.alone
async def test_a_key_puts_the_caller_through_and_all_of_it_is_on_record(tmp_path: Path) -> None:
    async with (
        Phone(user="sales") as sales,
        Phone(user="alice") as alice,
        running(tmp_path, PLAN.replace("SALES", sales.uri)) as server,
    ):
        call = await alice.dial(server.uri("100"))
        await call.wait_answered()
        await call.wait_for_speech(10)
        await call.wait_for_silence(300, 10)
        await call.press("2")
        answered = await sales.wait_call()
        await server.until(lambda e: isinstance(e, VerbDone) and e.verb == "transfer" and e.ok)
        start = time.perf_counter()
        sent = await call.play(FROM_CALLER)
        await answered.play(FROM_SALES)
        await call.wait_for_silence(300, 10)
        await call.hangup()
        assert (await answered.wait_ended()).by == "remote"
        bundle = await server.bundle()
        folder = server.bundles[bundle.cdr.call_id]
        await server.idle()

    at_caller = correlate(FROM_SALES, call.stream.heard.pcm(start))
    assert at_caller.corr > 0.9
    assert correlate(FROM_CALLER, answered.stream.heard.pcm()).corr > 0.9
    told(bundle, sales.uri, {call.id, *(m.sip_call_id for m in bundle.sip)})
    assert {CALL, TIMELINE, "call.wav"} <= {path.name for path in folder.iterdir()}

    left, right, rate = sides(folder / "call.wav")
    assert rate == RATE
    on_left, on_right = correlate(FROM_CALLER, left), correlate(FROM_SALES, right)
    assert on_left.corr > 0.9
    assert on_right.corr > 0.9
    assert correlate(call.stream.heard.pcm(), right).corr > 0.9
    assert abs(correlate(FROM_CALLER, right).corr) < 0.2
    assert abs(correlate(FROM_SALES, left).corr) < 0.2
    for side, heard in ((left, on_left), (right, on_right)):
        assert rms(part(side, heard.lag_ms, 3000)) == pytest.approx(rms(FROM_CALLER), rel=0.1)
    # before sales was there, the left holds nothing and the right what the agent said
    assert rms(part(left, 0, on_left.lag_ms - 100)) < 50
    assert rms(part(right, 0, on_left.lag_ms - 100)) > 200
    apart = 1000 * (start - sent.start) + at_caller.lag_ms
    assert on_right.lag_ms - on_left.lag_ms == pytest.approx(apart, abs=60)
    assert len(left) / 2 / rate == pytest.approx(bundle.cdr.duration, abs=0.5)


def part(pcm: bytes, start_ms: float, length_ms: float) -> bytes:
    """A stretch of mono PCM."""
    begin = 2 * round(start_ms * RATE / 1000)
    return pcm[begin : begin + 2 * round(length_ms * RATE / 1000)]


def told(bundle: Bundle, target: str, dialogs: set[str]) -> None:
    """The bundle tells the whole story."""
    cdr = bundle.cdr
    assert (cdr.status, cdr.ended_by, cdr.plan) == (200, "caller", "plan")
    assert cdr.answered
    assert [(t.verb, t.target, t.ok, t.status) for t in cdr.transfers] == [
        ("transfer", target, True, 200)
    ]
    assert [(line.who, line.heard) for line in bundle.transcript] == [
        ("agent", "Hello."),
        ("agent", "One moment."),
    ]
    (tool,) = bundle.tools
    assert (tool.tool, tool.arguments["to"], tool.ok) == ("transfer", target, True)
    (decision,) = bundle.policy
    assert (decision.verb, decision.by, decision.allowed) == ("transfer", "model", True)
    assert bundle.recordings == ("call.wav",)
    assert [turn.turn for turn in bundle.turns] == [1]
    assert len(dialogs) == 2
    for dialog in dialogs:
        # each once, however often a busy machine had it sent again
        passed = [m.start_line.split(" ") for m in bundle.sip if m.sip_call_id == dialog]
        requests = dict.fromkeys(line[0] for line in passed if line[0] != "SIP/2.0")
        assert list(requests) == ["INVITE", "ACK", "BYE"]
        assert [line[1] for line in passed if line[0] == "SIP/2.0"][-2:] == ["200", "200"]
    times = [message.at for message in bundle.sip]
    assert times == sorted(times)
    digits = [event for event in bundle.events if isinstance(event, DigitReceived)]
    assert [event.digit for event in digits] == ["2"]
