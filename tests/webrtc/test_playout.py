"""What of a browser's packets is played, in which order, and with how much delay."""

import random

from hypothesis import given
from hypothesis import strategies as st

from sipagent.legs.webrtc.playout import LIMIT, PREFILL, Gap, Playout

FRAME = 960


class Line:
    """A network: packet `n` is spoken at frame `n` and arrives `late[n]` frames after that, or
    never (None). `played` is what came out, a frame each.
    """

    def __init__(self, first: int = 65_500) -> None:
        self.playout = Playout()
        self.first = first

    def play(self, late: list[int | None], frames: int, sender: float = 1.0) -> list[bytes | Gap]:
        arrivals: dict[int, list[int]] = {}
        for n, delay in enumerate(late):
            if delay is not None:
                arrivals.setdefault(int(n * sender) + delay, []).append(n)
        played = []
        for frame in range(frames):
            for n in arrivals.get(frame, ()):
                self.put(n, frame)
            played.append(self.playout.take())
        return played

    def put(self, n: int, frame: int) -> None:
        sequence = (self.first + n) % 65_536
        self.playout.put(sequence, n * FRAME % 2**32, b"%d" % n, frame * 0.02)


def packets(played: list[bytes | Gap]) -> list[int]:
    return [int(item) for item in played if isinstance(item, bytes)]


def test_packets_in_order_are_played_in_order_after_the_prefill() -> None:
    line = Line()
    played = line.play([0] * 100, 101)
    assert played[: PREFILL - 1] == [Gap.QUIET] * (PREFILL - 1)
    assert packets(played) == list(range(100))
    assert line.playout.counts.lost == line.playout.counts.late == 0


def test_packets_that_overtake_each_other_are_sorted_within_the_delay() -> None:
    line = Line()
    late: list[int | None] = [0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0]
    assert packets(line.play(late, 20)) == list(range(11))


def test_a_lost_packet_costs_one_frame_and_nothing_behind_it() -> None:
    line = Line()
    late: list[int | None] = [0] * 50
    late[20] = None
    played = line.play(late, 50)
    assert played.count(Gap.LOST) == 1
    assert packets(played) == [n for n in range(49) if n != 20]
    assert line.playout.counts.lost == 1


def test_a_stall_makes_the_delay_longer_and_nothing_is_left_out() -> None:
    line = Line()
    late: list[int | None] = [0] * 100
    late[30:34] = [4, 3, 2, 1]
    played = line.play(late, 106)
    assert packets(played) == list(range(100))
    assert line.playout.counts.dry > 0


def test_delay_that_is_not_needed_any_more_is_taken_back() -> None:
    line = Line()
    late: list[int | None] = [0] * 1_500
    late[30:40] = list(range(10, 0, -1))
    played = line.play(late, 1_500)
    # ten packets at once behind a stall: after half a minute as at the beginning
    behind = 1_500 - 1 - packets(played)[-1]
    assert behind <= PREFILL + 1
    assert line.playout.counts.left_out > 0


def test_a_sender_whose_clock_is_faster_is_kept_up_with() -> None:
    line = Line()
    played = line.play([0] * 3_015, 3_000, sender=0.995)
    assert 3_015 - packets(played)[-1] <= PREFILL + 4
    assert line.playout.counts.left_out <= 20


def test_what_nobody_listens_to_is_not_kept_for_later() -> None:
    line = Line()
    for n in range(400):
        line.put(n, n)
    assert int(packets([line.playout.take()])[0]) >= 400 - PREFILL


def test_a_sender_that_begins_anew_is_played_on() -> None:
    line = Line(first=100)
    line.play([0] * 20, 20)
    other = Line(first=40_000)
    other.playout = line.playout
    assert packets(other.play([0] * 10, 12))[-1] == 9


@given(
    st.lists(st.one_of(st.none(), st.integers(0, 12)), min_size=1, max_size=120),
    st.integers(0, 65_535),
)
def test_whatever_the_network_does_packets_come_once_in_order_and_memory_is_bounded(
    late: list[int | None], first: int
) -> None:
    line = Line(first)
    played = packets(line.play(late, 160))
    assert played == sorted(set(played))
    assert len(line.playout._waiting) <= LIMIT
    counts = line.playout.counts
    assert counts.received == sum(
        delay is not None and n + delay < 160 for n, delay in enumerate(late)
    )
    assert len(played) + counts.late + counts.left_out <= counts.received


def test_thirty_milliseconds_of_unrest_cost_next_to_nothing() -> None:
    chance = random.Random(1)
    line = Line()
    late: list[int | None] = [chance.choice((0, 0, 1)) for _ in range(2_000)]
    played = line.play(late, 2_000)
    assert len(packets(played)) > 1_980
    assert line.playout.counts.late + line.playout.counts.lost <= 5
