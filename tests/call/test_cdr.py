"""The call detail record."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sipagent.call.cdr import Cdr, Transfer, fold
from sipagent.events import (
    ANY_EVENT,
    BargeIn,
    Base,
    CallEnded,
    CallStarted,
    Event,
    LegChanged,
    ModelUsed,
    PolicyDecided,
    ProviderFailed,
    RecordingStarted,
    RecordingStopped,
    Said,
    SpeechUsed,
    ToolCalled,
    ToolReturned,
    TurnLatency,
    VerbDone,
    Warned,
)

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def at(ms: int, kind: type[Base], **fields: Any) -> Event:
    moment = BEGIN + timedelta(milliseconds=ms)
    event = kind(call_id="c1", at=moment, t=ms, **fields)
    return ANY_EVENT.validate_python(event)


START = at(0, CallStarted, caller="sip:a@x", callee="sip:100@y", plan="reception")
ANSWER = at(500, LegChanged, leg="1", remote="sip:a@x", state="confirmed", status=200)
END = at(10_500, CallEnded, status=200, reason="normal", by="agent")


def test_who_when_and_how_it_ended() -> None:
    cdr = fold([START, ANSWER, END])
    assert (cdr.caller, cdr.callee, cdr.plan) == ("sip:a@x", "sip:100@y", "reception")
    assert cdr.started == BEGIN
    assert cdr.answered == BEGIN + timedelta(milliseconds=500)
    assert cdr.duration == 10.0
    assert (cdr.status, cdr.reason, cdr.ended_by) == (200, "normal", "agent")


def test_a_call_never_answered_has_no_duration() -> None:
    refused = at(900, CallEnded, status=486, reason="busy", by="plan")
    cdr = fold([START, refused])
    assert cdr.answered is None
    assert cdr.duration == 0.0
    assert cdr.status == 486


def test_a_summary_made_after_the_last_leg_was_gone_makes_no_call_longer() -> None:
    gone = at(7_500, LegChanged, leg="1", remote="sip:a@x", state="disconnected", status=200)
    cdr = fold([START, ANSWER, gone, END])
    assert cdr.duration == 7.0
    assert cdr.ended == BEGIN + timedelta(milliseconds=10_500)


def test_another_leg_answering_is_not_the_call_being_answered() -> None:
    callee = at(100, LegChanged, leg="2", role="callee", remote="sip:b@x", state="confirmed")
    assert fold([START, callee, END]).answered is None


def test_a_call_whose_process_died_is_recorded_as_far_as_it_came() -> None:
    said = at(4_500, Said, speaker="caller", text="hello", start=4_000, end=4_500)
    cdr = fold([START, ANSWER, said])
    assert cdr.ended is None
    assert cdr.ended_by is None
    assert cdr.reason == "unfinished"
    assert cdr.duration == 4.0


def test_a_call_without_its_first_event_is_still_a_record() -> None:
    assert fold([END]).reason == "normal"


def test_a_call_without_events_is_refused() -> None:
    with pytest.raises(ValueError, match="without events"):
        fold([])


def test_talking_is_counted() -> None:
    cdr = fold(
        [
            START,
            at(1, Said, speaker="agent", text="Good morning.", start=0, end=1),
            at(2, BargeIn, decision="paused", evidence="speech"),
            at(3, BargeIn, decision="resumed", evidence="cough"),
            at(4, BargeIn, decision="paused", evidence="speech"),
            at(5, BargeIn, decision="stopped", evidence="words"),
            at(6, Said, speaker="caller", text="sales", start=4, end=6),
            at(7, Said, speaker="agent", text="One moment.", start=6, end=7),
            END,
        ]
    )
    assert cdr.turns == {"agent": 2, "caller": 1}
    assert cdr.barge_ins == {"paused": 2, "resumed": 1, "stopped": 1}


def test_tools_and_denials_are_counted() -> None:
    cdr = fold(
        [
            START,
            at(1, ToolReturned, id="1", tool="lookup", ok=True, result="late"),
            at(2, ToolReturned, id="2", tool="lookup", ok=False, result="no such order"),
            at(3, PolicyDecided, verb="transfer", by="model", allowed=False, reason="no"),
            at(4, PolicyDecided, verb="play", by="model", allowed=True, reason="permitted"),
            END,
        ]
    )
    assert (cdr.tools_ok, cdr.tools_failed, cdr.denials) == (1, 1, 1)


def test_a_transfer_is_recorded_with_its_true_outcome() -> None:
    busy = {"verb": "transfer", "by": "model", "ok": False, "status": 486, "detail": "is busy"}
    cdr = fold(
        [
            START,
            at(1, ToolCalled, id="1", tool="transfer", arguments={"to": "sales"}),
            at(2, LegChanged, leg="2", role="callee", remote="sip:sales@pbx", state="calling"),
            at(3, VerbDone, **busy),
            at(4, ToolCalled, id="2", tool="transfer", arguments={"to": "+1900"}),
            at(5, VerbDone, verb="transfer", by="model", ok=False, status=403, detail="denied"),
            END,
        ]
    )
    assert cdr.transfers == (
        Transfer(verb="transfer", target="sip:sales@pbx", ok=False, status=486, detail="is busy"),
        Transfer(verb="transfer", target="+1900", ok=False, status=403, detail="denied"),
    )


def test_going_to_another_section_is_no_transfer_of_the_caller() -> None:
    assert fold([START, at(1, VerbDone, verb="transfer", by="dialplan", ok=True)]).transfers == ()


def test_a_recording_cut_short_is_listed_once_like_a_whole_one() -> None:
    cdr = fold(
        [
            START,
            at(1, RecordingStarted, control_id="a", path="a.wav"),
            at(2, RecordingStopped, control_id="a", path="a.wav", duration_ms=1),
            at(3, RecordingStarted, control_id="b", path="b.wav"),
        ]
    )
    assert cdr.recordings == ("a.wav", "b.wav")


def test_response_overhead_is_of_turns_that_were_answered() -> None:
    turns = [
        at(n, TurnLatency, turn=n, overhead_ms=float(ms))
        for n, ms in enumerate([30, 10, 20, 40, 100])
    ]
    cdr = fold([START, *turns, at(9, TurnLatency, turn=9), END])
    assert (cdr.overhead.turns, cdr.overhead.p50, cdr.overhead.p95) == (5, 30.0, 100.0)
    assert fold([START, END]).overhead.p50 is None


def test_warnings_name_what_a_person_should_look_at() -> None:
    cdr = fold(
        [
            START,
            at(1, Warned, code="silence", detail="nobody spoke for 30 s"),
            at(2, ProviderFailed, provider="openai", role="mind", cause="429", then="retry"),
        ]
    )
    assert cdr.warnings[0] == "silence: nobody spoke for 30 s"
    assert "429" in cdr.warnings[1]


def test_a_record_survives_json() -> None:
    cdr = fold([START, ANSWER, END])
    assert Cdr.model_validate_json(cdr.model_dump_json()) == cdr


def test_what_was_used_is_summed_by_provider_and_model() -> None:
    reply = {"provider": "mind", "model": "big", "input": 100, "cached": 40, "output": 10}
    cdr = fold(
        [
            START,
            at(1, ModelUsed, **reply, cost=0.5),
            at(2, ModelUsed, **reply, cost=0.25),
            at(3, ModelUsed, **{**reply, "provider": "spare", "model": "small"}),
            at(4, SpeechUsed, provider="ears", role="ears", seconds=1.5, cost=1.0),
            at(5, SpeechUsed, provider="ears", role="ears", seconds=2.0, cost=1.0),
            at(6, SpeechUsed, provider="voice", role="mouth", characters=80),
            END,
        ]
    )
    mind, spare, ears, voice = cdr.usage
    assert (mind.replies, mind.input, mind.cached, mind.output) == (2, 200, 80, 20)
    assert mind.cost == 0.75
    assert (spare.model, spare.replies, spare.cost) == ("small", 1, None)
    assert (ears.seconds, ears.cost) == (3.5, 2.0)
    assert voice.characters == 80
    assert cdr.cost == 2.75
