"""MOS: the E-model's figures are those ITU-T G.107 and G.113 give."""

import pytest

from sipagent.call.mos import mos


def test_a_clean_call_is_as_good_as_a_telephone_can_be() -> None:
    assert mos("PCMU", loss=0.0, round_trip_ms=20.0) == pytest.approx(4.38, abs=0.03)


def test_loss_jitter_and_delay_each_make_it_worse() -> None:
    clean = mos("PCMU", loss=0.0)
    assert mos("PCMU", loss=0.02) == pytest.approx(4.2, abs=0.15)
    assert mos("PCMU", loss=0.05) < mos("PCMU", loss=0.02) < clean
    assert mos("PCMU", loss=0.0, jitter_ms=40.0) < clean
    assert mos("PCMU", loss=0.0, round_trip_ms=800.0) < 3.7


def test_nothing_that_came_is_the_worst_there_is() -> None:
    assert mos("PCMA", loss=1.0, round_trip_ms=4000.0) == 1.0
    assert mos("a codec nobody knows", loss=0.3) > 1.0
