"""When a caller of the crowd speaks, and what counts as an answer."""

import math
import random

import pytest

from sipagent.testing.capacity.talk import SILENCE, Phrase, State, Talk, phrase

#: half a second, of which the last 100 ms are silent
PHRASE = Phrase(tuple(bytes([number]) for number in range(25)), ends=0.4)


def talk(*, first: bool = True) -> Talk:
    made = Talk([PHRASE], random.Random(1), first=first)
    made.begin(0.0)
    return made


def lived(
    made: Talk, begin: float, end: float, heard: tuple[float, float] = (math.inf, 0.0)
) -> list[float]:
    """When it spoke between `begin` and `end`; `heard` since it listens: first and last."""
    spoke = []
    for number in range(round((end - begin) / 0.02)):
        now = begin + number * 0.02
        if made.next(now) != SILENCE:
            spoke.append(now)
        if number % 5 == 0:
            made.hear(*heard, now)
    return spoke


def test_a_caller_who_hears_nothing_speaks_after_a_while() -> None:
    made = talk()
    assert lived(made, 0.0, 6.0) == []
    spoke = lived(made, 6.0, 8.0)
    assert len(spoke) == len(PHRASE.frames)
    assert made.state is State.LISTENING


def test_a_caller_lets_the_other_side_finish() -> None:
    made = talk()
    assert lived(made, 0.0, 2.0, (0.5, 1.9)) == []
    assert lived(made, 2.0, 4.5, (0.5, 1.9))[0] >= 1.9 + 0.7


def test_an_answer_is_counted_from_the_last_sound_of_the_phrase() -> None:
    made = talk()
    spoke = lived(made, 0.0, 8.0)
    said = spoke[0] + PHRASE.ends
    lived(made, 8.0, 8.5, (said + 0.65, 8.4))
    assert made.answers == [pytest.approx(0.65)]
    lived(made, 8.5, 12.0, (said + 0.65, 9.0))
    assert (len(made.answers), made.said, made.unanswered) == (1, 2, 0)


def test_a_question_without_an_answer_is_told_and_the_next_one_asked() -> None:
    made = talk()
    lived(made, 0.0, 16.0)
    assert (made.said, made.unanswered, made.answers) == (2, 1, [])


def test_who_is_called_speaks_when_spoken_to() -> None:
    made = talk(first=False)
    assert lived(made, 0.0, 20.0) == []
    assert lived(made, 20.0, 24.0, (20.0, 21.0))


def test_a_phrase_is_speech_in_packets_of_20_ms() -> None:
    spoken = phrase("what are your opening hours")
    assert {len(frame) for frame in spoken.frames} == {160}
    assert 1.0 < spoken.ends <= 0.02 * len(spoken.frames) < 4.0
