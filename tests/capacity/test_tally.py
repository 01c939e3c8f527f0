"""What counts as late and as lost, packet by packet, however they are read."""

import numpy as np
import pytest

from sipagent.testing.capacity.batch import Arrived
from sipagent.testing.capacity.tally import Count, Tally

#: on the wall clock
BEGIN = 1_700_000_000.0


def arrived(
    packets: list[tuple[int, float]], *, line: int = 0, ssrc: int = 7, level: float = 0.0
) -> Arrived:
    """Packets by number and how late they came, seconds."""
    numbers = np.array([number for number, _ in packets], np.int64)
    late = np.array([late for _, late in packets])
    size = len(packets)
    return Arrived(
        line=np.full(size, line),
        at=BEGIN + numbers * 0.02 + late,
        sequence=numbers & 0xFFFF,
        timestamp=(numbers * 160) % (1 << 32),
        ssrc=np.full(size, ssrc),
        level=np.full(size, level),
    )


def counted(*batches: Arrived) -> Count:
    tally = Tally(4)
    for batch in batches:
        tally.add(batch)
    return tally.count()


def test_a_steady_stream_is_neither_late_nor_lost() -> None:
    batches = [arrived([(n, 0.003) for n in range(s, s + 5)]) for s in range(0, 1000, 5)]
    assert counted(*batches) == Count(packets=1000, due=1000, late=0)


def test_each_packet_that_waited_longer_than_40_ms_is_late_and_not_only_the_first() -> None:
    """A sender that stood still for 100 ms and then sends everything at once."""
    stopped = [(10, 0.1), (11, 0.08), (12, 0.06), (13, 0.039), (14, 0.02)]
    after = [(n, 0.0) for n in range(15, 20)]
    assert counted(arrived([(n, 0.0) for n in range(10)]), arrived(stopped), arrived(after)) == (
        Count(packets=20, due=20, late=3)
    )


def test_a_packet_that_never_comes_is_lost_and_one_that_overtook_another_is_not() -> None:
    count = counted(arrived([(0, 0), (1, 0), (3, 0), (2, 0.02), (5, 0)]))
    assert (count.packets, count.due, count.lost, count.late) == (5, 6, 1, 0)


def test_one_that_is_read_after_the_one_that_overtook_it_fills_its_own_hole() -> None:
    count = counted(arrived([(0, 0), (2, 0)]), arrived([(1, 0.02)]), arrived([(3, 0)]))
    assert (count.packets, count.due, count.lost) == (4, 4, 0)


def test_numbers_go_round() -> None:
    batches = [arrived([(n, 0.0) for n in range(s, s + 8)]) for s in range(65_500, 65_600, 8)]
    count = counted(*batches)
    assert (count.packets, count.lost, count.late) == (104, 0, 0)


def test_a_stream_that_begins_anew_is_another_one() -> None:
    first = arrived([(n, 0.0) for n in range(10)])
    second = arrived([(n + 40_000, -700.0) for n in range(10)], ssrc=8)
    assert counted(first, second) == Count(packets=20, due=20, late=0)


def test_clocks_that_drift_apart_are_not_lateness() -> None:
    """100 ppm over ten minutes is 60 ms."""
    batches = [
        arrived([(n, n * 0.02 * 1e-4) for n in range(s, s + 5)]) for s in range(0, 30_000, 5)
    ]
    assert counted(*batches).late == 0


def test_lines_do_not_mix_and_a_line_is_used_again() -> None:
    tally = Tally(4)
    tally.add(arrived([(n, 0.0) for n in range(10)], line=0))
    tally.add(arrived([(n, 0.5) for n in range(10)], line=1))
    tally.free(0)
    tally.add(arrived([(n + 99, 5.0) for n in range(10)], line=0))
    assert tally.count() == Count(packets=30, due=30, late=0)


def test_what_is_heard_answers_what_was_said_before() -> None:
    tally = Tally(2)
    tally.listen(0, BEGIN + 0.1)
    tally.add(arrived([(0, 0.0), (4, 0.0)], level=3000.0))
    assert tally.last[0] == 0
    assert tally.first[0] == np.inf
    tally.add(arrived([(6, 0.0), (7, 0.0)], level=3000.0))
    tally.add(arrived([(8, 0.0)], level=10.0))
    assert (tally.first[0], tally.last[0]) == pytest.approx((BEGIN + 0.12, BEGIN + 0.14))


def test_a_share_is_of_what_came_or_should_have() -> None:
    count = Count(1100, 1200, 11) - Count(100, 100, 1)
    assert count.late_percent == pytest.approx(1.0)
    assert count.lost_percent == pytest.approx(100 * 100 / 1100)
    assert Count().late_percent == Count().lost_percent == 0
