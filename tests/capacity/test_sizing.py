"""The arithmetic of a plan, against tables and hand-reckoned values."""

from dataclasses import replace

import pytest

from sipagent.testing.capacity.sizing import (
    Demand,
    Node,
    Sizes,
    bits_per_second,
    erlang_b,
    lines_for,
    poisson_quantile,
    size,
)

#: a million calls of three minutes a day
MILLION = Demand(1_000_000, 3.0)


@pytest.mark.parametrize(
    ("erlangs", "blocking", "lines"),
    [
        # the usual tables of Erlang B
        (0.0204, 0.02, 1),
        (2.94, 0.01, 8),
        (12.03, 0.01, 20),
        (84.0, 0.01, 100),
        (10.0, 0.001, 21),
        (100.0, 0.001, 128),
    ],
)
def test_lines_are_those_of_the_tables(erlangs: float, blocking: float, lines: int) -> None:
    assert lines_for(erlangs, blocking) == lines
    assert erlang_b(erlangs, lines) <= blocking
    if lines > 1:
        assert erlang_b(erlangs, lines - 1) > blocking


def test_one_line_for_one_erlang_blocks_half() -> None:
    assert erlang_b(1.0, 1) == pytest.approx(0.5)
    assert erlang_b(1.0, 2) == pytest.approx(0.2)
    assert lines_for(0.0001, 0.5) == 1


def test_a_second_may_be_busier_than_the_mean() -> None:
    assert poisson_quantile(1.0, 0.9) == 2
    assert poisson_quantile(0.001, 0.5) == 0
    # near the normal distribution: 41.67 and 3.09 standard deviations
    assert 41.67 + 2.9 * 6.455 < poisson_quantile(41.67, 0.999) < 41.67 + 3.5 * 6.455


def test_bits_on_the_wire_are_those_of_a_frame_and_what_is_around_it() -> None:
    """160 + 12 + 8 + 20 + 18 bytes, 50 times a second."""
    assert bits_per_second("PCMU") == 87_200
    assert bits_per_second("PCMU", srtp=True) == 91_200


def test_a_million_calls_a_day() -> None:
    plan = size(MILLION, Node(per_core=50.0, cores=8, fill=0.7, mib=20.0), Sizes())
    assert plan.busy_calls == 150_000
    assert plan.erlangs == 7500
    assert 7500 < plan.lines < 7700
    assert plan.calls_per_second == pytest.approx(41.67, abs=0.01)
    assert plan.conversations_per_node == 280
    # 7500 and some on machines of 280, and one more
    assert plan.nodes == -(-plan.lines // 280) + 1
    assert plan.cores == 8 * plan.nodes
    assert plan.memory_gib_per_node == pytest.approx((1024 + 280 * 20) / 1024)
    assert plan.megabits == pytest.approx(plan.lines * 0.0872)
    assert plan.packets_per_second == plan.lines * 50
    # three million minutes a day of 1.92 MB
    assert plan.recordings_gb == pytest.approx(3e6 * 365 * 1.92e-3)
    assert plan.sip_messages_per_second == pytest.approx(41.67 * 14, rel=1e-3)


def test_people_put_through_have_two_legs() -> None:
    node = Node(per_core=50.0)
    one, two = (size(replace(MILLION, legs=legs), node, Sizes()) for legs in (1, 2))
    assert two.megabits == 2 * one.megabits
    assert two.nodes == one.nodes


def test_what_is_not_recorded_takes_no_disk() -> None:
    node = Node(per_core=50.0)
    plan = size(replace(MILLION, recorded_share=0.0, kept_days=30), node, Sizes())
    assert plan.recordings_gb == 0
    assert plan.bundles_gb == pytest.approx(3e6 * 30 * Sizes().bundle_minute / 1e9)


def test_a_small_office_is_one_machine_and_one_to_spare() -> None:
    plan = size(Demand(200, 2.0), Node(per_core=30.0, cores=2), Sizes())
    assert (plan.lines, plan.nodes) == (6, 2)


@pytest.mark.parametrize(
    ("demand", "told"),
    [
        (Demand(0, 3.0), "calls a day: 0"),
        (Demand(10, -1.0), "minutes: -1"),
        (Demand(10, 3.0, busy_share=1.5), "at most 1"),
        (Demand(10, 3.0, codec="GSM"), "none of PCMU"),
        (Demand(float("inf"), 3.0), "calls a day"),
    ],
)
def test_what_makes_no_sense_is_told(demand: Demand, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        size(demand, Node(per_core=50.0), Sizes())
