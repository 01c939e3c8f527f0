"""One sound out, one echo back: the delay between the two and of no others."""

import pytest

from sipagent.testing.bench.figures import Report
from sipagent.testing.bench.media_path import callers_alone, delays


def test_each_echo_belongs_to_the_sound_before_it() -> None:
    found = delays([0.0, 0.26, 0.52], [0.03, 0.30, 0.545], 0.26)
    assert found == pytest.approx([0.03, 0.04, 0.025])


def test_a_lost_echo_is_nobodys() -> None:
    assert delays([0.0, 0.26, 0.52], [0.03, 0.55], 0.26) == pytest.approx([0.03, 0.03])


def test_a_sound_heard_in_two_packets_counts_once() -> None:
    assert delays([0.0, 0.26], [0.03, 0.05, 0.29, 0.31], 0.26) == pytest.approx([0.03, 0.03])


def test_what_came_before_any_sound_is_no_echo() -> None:
    assert delays([1.0], [0.2, 0.9], 0.26) == []
    assert delays([], [0.2], 0.26) == []
    assert delays([1.0], [], 0.26) == []


async def test_the_callers_alone_hear_nearly_all_of_themselves_at_once() -> None:
    report = Report("here")
    await callers_alone(report, 2, 1.5)
    p50, p99 = report.figures
    assert 0 < p50.value <= p99.value < 200
    echoes, _, sounds = p50.note.partition(" echoes of ")
    assert int(echoes) == int(sounds.split()[0]) == 10
