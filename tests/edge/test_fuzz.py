"""Damaged messages by the thousand: a slice of `make fuzz`, the same in every run."""

import itertools
from pathlib import Path

import pytest

from sipagent.testing.fuzz.door import fuzz_door
from sipagent.testing.fuzz.mutator import Mutator, packets_in

PACKETS = Path(__file__).parents[1] / "packets"
MESSAGES = 10_000


@pytest.mark.slow
@pytest.mark.rfc("4475", "10,000 damaged messages over UDP and TCP leave nothing behind")
async def test_ten_thousand_damaged_messages_leave_nothing_behind() -> None:
    report = await fuzz_door(Mutator(packets_in(PACKETS), 1), MESSAGES, seed=1)
    assert report.faults == [], report
    assert sum(report.sent.values()) == MESSAGES
    assert report.bad > 1000
    assert report.admitted > 100
    assert {200, 400, 481, 486, 505, 513} <= report.answers.keys()


def test_a_seed_makes_the_same_messages_every_time() -> None:
    packets = packets_in(PACKETS)
    one, same, other = (list(itertools.islice(Mutator(packets, n), 300)) for n in (1, 1, 2))
    assert one == same
    assert one != other
