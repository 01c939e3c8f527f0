"""The machine that gives way: what it takes to be silent, to go on, and to stop for good."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.agent.yielding.bargein import BargeInMachine, GiveWay, YieldRules
from sipagent.agent.yielding.evidence import Sound, WordDelay
from sipagent.media.echo import NO_ECHO, Echo


def hear(
    machine: BargeInMachine,
    ms: int,
    *,
    since: int = 0,
    voice: bool = True,
    probability: float = 0.9,
    level_db: float = -20.0,
    echo: Echo = NO_ECHO,
) -> list[GiveWay]:
    """`ms` of frames from media-clock `since` on."""
    sounds = [Sound(t, probability, voice, level_db, echo) for t in range(since, since + ms, 20)]
    return [way for sound in sounds if (way := machine.frame(sound)) is not None]


def paused(rules: YieldRules | None = None) -> BargeInMachine:
    machine = BargeInMachine(rules)
    way = machine.onset(0)
    assert way is not None and way.decision == "paused"
    return machine


def test_speech_that_lasts_stops_the_agent_where_no_words_can_come() -> None:
    machine = paused()
    machine.wordless_ears = True
    assert hear(machine, 480) == []
    [stopped] = hear(machine, 20, since=480)
    assert (stopped.decision, stopped.why) == ("stopped", "speech of 500 ms")
    assert (stopped.evidence.voiced_ms, stopped.evidence.probability) == (500, 0.9)


def test_a_cough_is_over_with_its_voice() -> None:
    machine = paused()
    hear(machine, 240)
    resumed = machine.offset(240)
    assert resumed is not None
    assert (resumed.decision, resumed.why) == ("resumed", "no words in 240 ms of speech")


def test_a_voice_that_may_have_been_a_word_is_waited_for_a_little() -> None:
    machine = paused()
    hear(machine, 400)
    assert machine.offset(400) is None
    assert hear(machine, 360, since=400, voice=False) == []
    [resumed] = hear(machine, 60, since=760, voice=False)
    assert resumed.decision == "resumed" and not machine.paused


def test_a_word_that_comes_after_the_voice_stops_the_agent() -> None:
    machine = paused()
    hear(machine, 400)
    machine.offset(400)
    stopped = machine.words("stop")
    assert stopped is not None and stopped.decision == "stopped"


def test_a_sign_of_listening_that_comes_after_the_voice_lets_it_go_on() -> None:
    machine = paused()
    hear(machine, 400)
    machine.offset(400)
    resumed = machine.words("mm-hmm")
    assert resumed is not None and resumed.why == "a backchannel in 400 ms of speech"


def test_a_long_sign_of_listening_is_given_more_time() -> None:
    machine = paused()
    machine.words("yeah")
    assert hear(machine, 700) == []
    resumed = machine.offset(700)
    assert resumed is not None and resumed.decision == "resumed"


def test_fewer_words_than_asked_for_do_not_stop_the_agent() -> None:
    machine = paused(YieldRules(min_words=3))
    assert machine.words("hold on") is None
    stopped = machine.words("hold on a")
    assert stopped is not None and stopped.decision == "stopped"


def test_yes_is_a_word_when_a_yes_was_asked_for() -> None:
    machine = paused()
    assert machine.words("yes") is None
    machine.answers = True
    assert machine.words("yes") is not None


def test_a_plan_may_name_more_signs_of_listening() -> None:
    machine = paused(YieldRules(more=frozenset({"roger that"})))
    assert machine.words("Roger that!") is None


def test_the_first_frames_of_our_own_voice_do_not_stop_us() -> None:
    machine = paused()
    hear(machine, 100, echo=Echo(0.8, 140))
    [resumed] = hear(machine, 60, since=100, echo=Echo(0.9, 140, own=True))
    assert (resumed.decision, resumed.why) == ("resumed", "our own echo after 140 ms")
    assert machine.own_voice


def test_a_caller_over_our_echo_is_not_taken_for_it() -> None:
    machine = paused()
    hear(machine, 200, echo=Echo(0.2, 40))
    assert hear(machine, 60, since=200, echo=Echo(0.8, 140, own=True)) == []
    assert machine.paused


def test_where_ears_give_partials_voice_without_words_is_given_more_time() -> None:
    machine = paused()
    machine.first_words_ms = 1500
    assert hear(machine, 1180) == []
    [stopped] = hear(machine, 20, since=1180)
    assert stopped.decision == "stopped"


def test_words_are_waited_for_where_nobody_knows_yet_whether_these_ears_give_any() -> None:
    machine = paused()
    assert hear(machine, 700) == []
    resumed = hear(machine, 140, since=700, voice=False)
    assert [way.decision for way in resumed] == ["resumed"]
    machine.onset(2000)
    assert hear(machine, 1180, since=2000) == []
    [stopped] = hear(machine, 20, since=3180)
    assert (stopped.decision, stopped.why) == ("stopped", "speech of 1200 ms")


def test_voice_without_words_where_words_would_have_come_is_none() -> None:
    machine = paused()
    machine.first_words_ms = 500
    [resumed] = hear(machine, 1200)
    assert resumed.decision == "resumed"


def test_the_beginning_of_a_sign_of_listening_does_not_stop_the_agent() -> None:
    machine = paused()
    assert machine.words("I") is None
    assert machine.words("I see") is None
    stopped = machine.words("I see a problem")
    assert stopped is not None and stopped.decision == "stopped"


def test_a_voice_far_fainter_than_the_callers_is_somebody_else() -> None:
    machine = paused()
    machine.usual_db = -20.0
    [resumed] = hear(machine, 800, level_db=-40.0)
    assert resumed.decision == "resumed"


def test_words_after_the_agent_went_on_still_stop_it() -> None:
    machine = paused()
    machine.usual_db = -20.0
    hear(machine, 800, level_db=-40.0)
    stopped = machine.words("excuse me")
    assert stopped is not None and stopped.decision == "stopped"


def test_once_stopped_nothing_more_is_decided() -> None:
    machine = paused()
    machine.words("stop")
    assert machine.words("stop it now") is None
    assert hear(machine, 1000) == []


def test_what_the_ears_give_is_learnt_from_turns() -> None:
    delay = WordDelay()
    delay.onset(0)
    delay.over(1000)
    assert (delay.longest_ms, delay.never) == (None, False)  # too short to tell
    delay.onset(5000)
    delay.over(7000)
    assert (delay.longest_ms, delay.never) == (None, True)
    delay.onset(10_000)
    delay.words(10_600, "hello")
    delay.over(12_000)
    assert (delay.longest_ms, delay.never) == (600, False)
    delay.onset(20_000)
    delay.over(24_000)  # a fit of coughing: it changes nothing any more
    assert (delay.longest_ms, delay.never) == (600, False)


Act = st.one_of(
    st.tuples(st.just("frame"), st.booleans()),
    st.tuples(st.just("onset"), st.just(True)),
    st.tuples(st.just("offset"), st.just(True)),
    st.tuples(st.just("words"), st.booleans()),
)


@given(st.lists(Act, max_size=200))
def test_every_pause_ends_within_its_bound(acts: list[tuple[str, bool]]) -> None:
    machine, t, since, speaking = BargeInMachine(), 0, 0, False
    for act, flag in acts:
        ways: list[GiveWay | None] = []
        if act == "onset" and not speaking:
            speaking, before = True, machine.paused
            ways.append(machine.onset(t))
            since = since if before else t
        elif act == "offset" and speaking:
            speaking = False
            ways.append(machine.offset(t))
        elif act == "words":
            ways.append(machine.words("sales" if flag else "okay"))
        else:
            ways.append(machine.frame(Sound(t, 0.9 if flag else 0.1, flag and speaking)))
            t += 20
        for way in ways:
            if way is not None and way.decision != "paused":
                assert not machine.paused
        assert not machine.paused or t - since <= machine.rules.longest_ms * 3 // 2 + 20


@pytest.mark.parametrize("decide_ms", [100, 500, 2000])
def test_a_plan_sets_how_much_speech_stops_the_agent(decide_ms: int) -> None:
    machine = paused(YieldRules(decide_ms=decide_ms))
    machine.wordless_ears = True
    [stopped] = hear(machine, decide_ms)
    assert stopped.why == f"speech of {decide_ms} ms"
