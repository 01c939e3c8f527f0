"""The figures at the end of `calls show`."""

from datetime import UTC, datetime

from rich.console import Console

from sipagent.call.cdr import fold
from sipagent.call.waterfall import turns_of
from sipagent.cli.figures import tables
from sipagent.events import (
    CallStarted,
    ConsentChanged,
    Event,
    LegMedia,
    ModelUsed,
    ProviderFailed,
    TurnLatency,
)


def shown(events: list[Event]) -> str:
    console = Console(width=100, color_system=None)
    with console.capture() as captured:
        for table in tables(fold(events), turns_of(events)):
            console.print(table)
    return captured.get()


def answered(turn: int, rtp: int) -> TurnLatency:
    return TurnLatency(
        call_id="c",
        turn=turn,
        reason="silence",
        speech_end=1000,
        endpoint=1500,
        first_token=1600,
        first_rtp=rtp,
        overhead_ms=11.4,
    )


def test_a_call_without_turns_has_no_figures() -> None:
    assert shown([CallStarted(call_id="c", caller="a", callee="b")]) == ""


def test_every_turn_is_a_row_with_a_bar_and_percentiles_stand_below() -> None:
    failed = TurnLatency(
        call_id="c", turn=3, reason="complete", outcome="failed", speech_end=1000, endpoint=1200
    )
    lost = ProviderFailed(call_id="c", provider="[b]gpt", role="mind", cause="429", then="next")
    lines = shown([answered(1, 1900), answered(2, 2800), lost, failed]).splitlines()
    rows = [line.split() for line in lines]
    assert rows[1][:2] == ["turn", "ended"]
    assert rows[2] == ["1", "silence", "500", "100", "300", "900", "11", "█" * 10]
    assert rows[3][-1] == "█" * 20
    assert rows[4] == ["3", "complete", "200", "failed", "failed:", "mind", "[b]gpt"]
    assert rows[5] == ["p50", "500", "100", "300", "900", "11"]
    assert rows[6] == ["p95", "500", "100", "1200", "1800", "11"]


def test_usage_consent_and_audio_are_told_where_there_was_any() -> None:
    events: list[Event] = [
        ModelUsed(call_id="c", provider="gpt", model="mini", input=900, output=40, cost=0.0123),
        ConsentChanged(
            call_id="c",
            at=datetime(2026, 11, 23, 7, 0, tzinfo=UTC),
            consent="given",
            how="key",
            question="May we record?",
        ),
        LegMedia(call_id="c", leg="1", codec="PCMU", sent=50, received=49, lost=1, jitter_ms=1.25),
    ]
    text = shown(events)
    assert "given" in text and "2026-11-23 07:00:00 by key" in text and "May we record?" in text
    assert "900" in text and "0.0123" in text
    assert "PCMU" in text and "49" in text
