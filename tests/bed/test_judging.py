"""What the bed makes of what it saw: pure, so that a figure can be believed."""

from math import isnan

import pytest

from sipagent.events import BargeIn, Event, Said
from sipagent.testing.bed.activity import Activity
from sipagent.testing.bed.knowing import Known
from sipagent.testing.bed.metrics import Row, interval, panel, rows
from sipagent.testing.bed.render import Rendered, Word
from sipagent.testing.bed.scenario import Expects, Scenario
from sipagent.testing.bed.trial import Trial, Window, judge
from sipagent.testing.bed.whole import lost_ms

_LINE = Rendered(bytes(16_000), (Word("yes", 400.0), Word("please", 900.0)), 0.0, 900.0)


def _spoken(*spans: tuple[int, int]) -> Activity:
    activity = Activity()
    for at in range(0, 10_000, 20):
        activity.add(float(at), any(start <= at < end for start, end in spans))
    return activity


def _window(expects: Expects, start: float = 1000.0) -> Window:
    return Window(Scenario(name="x", expects=expects), _LINE, start, start + 4000, (0, 0))


def _said(who: str, text: str, *, interrupted: bool = False) -> Event:
    return Said.model_validate(
        {
            "call_id": "1", "speaker": who, "text": text, "start": 0, "end": 1,
            "interrupted": interrupted,
        }
    )  # fmt: skip


def _barge(decision: str, t: int) -> Event:
    return BargeIn.model_validate(
        {"call_id": "1", "t": t, "decision": decision, "evidence": "test"}
    )


def test_an_answer_counts_from_the_end_of_the_callers_voice() -> None:
    trial = judge(_window("answered"), _spoken((2400, 3000)), [_said("caller", "yes please")], 0)
    assert (trial.met, trial.answer_ms, trial.cut_off) == (True, 500.0, False)


def test_a_turn_that_lacks_a_word_was_cut_off() -> None:
    turns = [_said("caller", "yes"), _said("caller", "please")]
    trial = judge(_window("answered"), _spoken((1500, 3000)), turns, 0)
    assert trial.cut_off
    assert not trial.met


def test_silence_counts_from_the_callers_onset_to_the_agents_last_sound() -> None:
    events = [_barge("paused", 1100), _barge("stopped", 1500)]
    trial = judge(_window("yielded"), _spoken((0, 1140)), events, 0)
    assert (trial.met, trial.silent_ms) == (True, 140.0)


def test_a_gap_between_words_is_no_silence() -> None:
    agent = _spoken((0, 1140), (1300, 5200))
    trial = judge(_window("yielded"), agent, [_barge("stopped", 1500)], 0)
    assert trial.silent_ms is None
    assert not trial.met


def test_going_on_with_a_word_missing_is_not_going_on() -> None:
    events = [_barge("paused", 1100), _barge("resumed", 1600)]
    agent = _spoken((0, 1140), (1600, 6000))
    assert judge(_window("resumed"), agent, events, 0.0).met
    assert judge(_window("resumed"), agent, events, 0.0).paused_ms == 500.0
    assert not judge(_window("resumed"), agent, events, 20.0).met


def test_speech_given_up_counts_as_stopped_whoever_decided_it() -> None:
    events = [_said("agent", "This is", interrupted=True)]
    assert not judge(_window("resumed"), _spoken((0, 1140)), events, 0).met


def test_a_frame_missing_after_a_pause_is_found_to_the_sample() -> None:
    frames = [bytes([number + 1]) * 320 for number in range(10)]
    silence = bytes(320)
    paused = [*frames[:4], silence, silence, *frames[4:]]
    assert lost_ms(b"".join(frames), paused, whole=True) == 0
    assert lost_ms(b"".join(frames), [*frames[:4], silence, *frames[5:]], whole=True) == 20
    assert lost_ms(b"".join(frames), frames[:6], whole=True) == 80
    assert lost_ms(b"".join(frames), frames[:6], whole=False) == 0


def test_a_frame_that_came_twice_is_not_taken_for_a_later_one() -> None:
    word = [bytes([number + 1]) * 320 for number in range(30)]
    said = b"".join(word * 3)
    twice = [*word, word[-1], *word, *word]
    assert lost_ms(said, twice, whole=True) == 0
    assert lost_ms(said, [*word, *word[15:], *word], whole=True) == 300


def test_the_beds_ears_know_a_word_late_and_all_words_at_the_end() -> None:
    known = Known(200)
    known.add(_LINE, at=1000)
    assert known.partial(1500) == ""
    assert known.partial(1600) == "yes"
    assert known.final(1950) == "yes please"
    assert known.final(9000) == ""


def test_a_turn_cut_in_the_middle_leaves_the_rest_to_the_next() -> None:
    known = Known(200)
    known.add(_LINE, at=1000)
    assert known.final(1500) == "yes"
    assert known.partial(2200) == "please"
    assert known.final(2200) == "please"


def test_lines_a_call_never_came_to_have_failed() -> None:
    scenario = Scenario(name="x", expects="yielded", times=4)
    trial = Trial("x", "yielded", "wait", 0.0, stopped=True, silent_ms=100.0)
    (row,) = rows([(scenario, [trial])])
    yielded = next(figure for figure in panel([row]) if figure.name == "yielded")
    assert (yielded.value, yielded.met) == (25.0, False)


def test_what_was_not_measured_holds_no_goal() -> None:
    figures = panel([Row("x", "answered", planned=1)])
    own = next(figure for figure in figures if figure.name.startswith("own, endpoint to RTP, p95"))
    assert isnan(own.value)
    assert own.met is False


def test_few_events_give_a_wide_interval() -> None:
    assert interval(20, 20)[0] == pytest.approx(83.9, abs=0.1)
    assert interval(200, 200)[0] == pytest.approx(98.1, abs=0.1)
    assert list(interval(100, 200)) == pytest.approx([43.1, 56.9], abs=0.1)
