"""The waterfall of turns: stages and percentiles."""

from typing import Any

from sipagent.call.cdr import fold
from sipagent.call.waterfall import turn_of, turns_of
from sipagent.events import CallStarted, Event, ProviderFailed, TurnLatency


def turn(number: int = 1, **fields: Any) -> TurnLatency:
    stages = {
        "speech_end": 1000,
        "endpoint": 1500,
        "final_text": 1540,
        "first_token": 1700,
        "first_sentence": 1750,
        "first_audio": 1900,
        "first_rtp": 1920,
    }
    names = {"ears": "deepgram", "mind": "gpt", "mouth": "cartesia"}
    return TurnLatency(call_id="c", t=1920, turn=number, **{**stages, **names, **fields})


def failure(role: Any, provider: str) -> ProviderFailed:
    return ProviderFailed(call_id="c", provider=provider, role=role, cause="429", then="next")


def test_each_stage_is_counted_from_where_the_one_before_was_reached() -> None:
    made = turn_of(turn(reason="silence"))
    assert made.t == 1000 and made.response_ms == 920
    assert list(made.took.values()) == [500, 40, 160, 50, 150, 20]
    assert made.providers == {"ears": "deepgram", "mind": "gpt", "mouth": "cartesia"}


def test_a_stage_that_was_not_reached_is_left_out_and_the_next_takes_its_time() -> None:
    typed = turn_of(turn(reason="keys", final_text=None, first_sentence=None))
    assert typed.took == {"endpoint": 500, "first_token": 200, "first_audio": 200, "first_rtp": 20}
    failed = turn_of(turn(outcome="failed", first_token=None, first_sentence=None,
                          first_audio=None, first_rtp=None))  # fmt: skip
    assert failed.response_ms is None and failed.outcome == "failed"


def test_a_failure_belongs_to_the_turn_it_held_up() -> None:
    events: list[Event] = [turn(1), failure("mind", "gpt"), failure("mouth", "x"), turn(2), turn(3)]
    assert [made.failed for made in turns_of(events)] == [(), ("mind gpt", "mouth x"), ()]


def test_the_record_has_p50_and_p95_of_every_stage() -> None:
    turns = [turn(n, first_rtp=1900 + 10 * n) for n in range(1, 21)]
    record = fold([CallStarted(call_id="c", caller="a", callee="b"), *turns])
    response, wire = record.latency["response"], record.latency["first_rtp"]
    assert (response.turns, response.p50, response.p95) == (20, 1000, 1090)
    assert (wire.p50, wire.p95) == (100, 190)
    assert fold([CallStarted(call_id="c", caller="a", callee="b")]).latency == {}
