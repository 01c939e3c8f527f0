"""What grows over an hour and what only moves."""

import random
from math import isnan, nan

import pytest

from sipagent.testing.capacity.flatness import Bound, Trend, trend

AT = [10.0 * number for number in range(360)]


def flat(found: Trend, bound: Bound) -> bool:
    return found.grew <= bound.over(found.hours)


def noisy(an_hour: float, *, noise: float = 1.0) -> list[float]:
    dice = random.Random(3)
    return [100 + an_hour * at / 3600 + dice.gauss(0, noise) for at in AT]


@pytest.mark.parametrize("an_hour", [-20.0, 0.0, 3.0, 50.0])
def test_growth_is_found_in_noise(an_hour: float) -> None:
    found = trend(AT, noisy(an_hour))
    assert found.an_hour == pytest.approx(an_hour, abs=0.5)
    assert found.grew == pytest.approx(an_hour, abs=0.7)
    assert found.middle == pytest.approx(100 + an_hour / 2, abs=0.5)


def test_samples_that_are_far_off_do_not_move_it() -> None:
    values = noisy(0.0)
    values[350:] = [500.0] * 10
    assert flat(trend(AT, values), Bound(1.0, 0.5))


def test_a_leak_is_not_flat() -> None:
    assert not flat(trend(AT, noisy(10.0)), Bound(8.0, 2.0))
    assert flat(trend(AT, noisy(6.0)), Bound(8.0, 2.0))
    assert flat(trend(AT, noisy(-30.0)), Bound(8.0, 2.0))


def test_in_a_short_run_what_a_sample_may_differ_by_chance_is_no_growth() -> None:
    found = trend(AT[:10], [100 + number / 5 for number in range(10)])
    assert found.an_hour == pytest.approx(72)
    assert flat(found, Bound(8.0, 2.0))
    assert not flat(found, Bound(8.0, 1.0))


def test_what_was_not_measured_is_not_flat() -> None:
    found = trend(AT, [nan] * len(AT))
    assert isnan(found.an_hour)
    assert not flat(found, Bound(8.0, 2.0))
    assert not flat(trend([0.0, 10.0], [1.0, 1.0]), Bound(8.0, 2.0))
