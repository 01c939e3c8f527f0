"""The docket: what is tried next, and when. On a clock of numbers."""

import random

from sipagent.app.hooks.docket import LONGEST, Docket
from sipagent.app.hooks.spool import Entry


def entry(event_id: str, call_id: str = "c") -> Entry:
    """An event that waits."""
    return Entry(event_id, call_id, 0.0, 1, 0, 0)


def docket(*entries: Entry) -> Docket:
    """One in which these wait."""
    made = Docket(1.0, random.Random(7))
    for each in entries:
        made.add(each)
    return made


def test_the_events_of_a_call_go_one_after_the_other() -> None:
    first, second, other = entry("1"), entry("2"), entry("3", "d")
    waiting = docket(first, second, other)
    assert waiting.take(0, 0) is first
    assert waiting.take(0, 1) is other
    assert waiting.take(0, 2) is None
    waiting.taken(first)
    assert waiting.take(0, 1) is second


def test_an_event_that_fails_is_tried_again_later_and_later() -> None:
    poor = entry("1")
    waiting = docket(poor)
    now, pauses = 0.0, []
    for _ in range(12):
        assert waiting.take(now, 0) is poor
        waiting.failed(poor, now)
        assert waiting.take(now, 0) is None
        due = waiting.next_at(now)
        assert due is not None
        pauses.append(due - now)
        now = due
    assert 0.5 <= pauses[0] <= 1.0
    assert 4.0 <= pauses[3] <= 8.0
    assert all(LONGEST / 2 <= pause <= LONGEST for pause in pauses[-2:])


def test_a_receiver_that_is_down_is_asked_with_one_event_at_a_time() -> None:
    several = [entry(str(n), f"call {n}") for n in range(3)]
    waiting = docket(*several)
    first = waiting.take(0, 0)
    assert first is not None
    waiting.failed(first, 0)
    assert waiting.take(0.1, 0) is None
    now = waiting.next_at(0.1)
    assert now is not None
    assert waiting.take(now, 0) is several[1]
    assert waiting.take(now, 1) is None


def test_an_event_nobody_can_take_holds_up_no_other_call() -> None:
    poison, good = entry("poison", "a"), [entry(str(n), f"call {n}") for n in range(20)]
    waiting = docket(poison, *good)
    now, taken = 0.0, list[Entry]()
    while len(taken) < len(good):
        each = waiting.take(now, 0)
        if each is None:
            due = waiting.next_at(now)
            assert due is not None
            now = due
        elif each is poison:
            waiting.failed(each, now)
        else:
            waiting.taken(each)
            taken.append(each)
    assert taken == good
    assert now < 60


def test_a_receiver_that_asks_to_be_left_alone_is() -> None:
    first, other = entry("1"), entry("2", "d")
    waiting = docket(first, other)
    assert waiting.take(0, 0) is first
    waiting.failed(first, 0, wait=30)
    assert waiting.take(29.9, 0) is None
    assert waiting.next_at(1) == 30
    assert waiting.take(30, 0) is other


def test_it_is_left_alone_though_it_takes_what_was_on_its_way() -> None:
    first, other, third = entry("1"), entry("2", "d"), entry("3", "e")
    waiting = docket(first, other, third)
    assert waiting.take(0, 0) is first
    assert waiting.take(0, 1) is other
    waiting.failed(first, 0, wait=30)
    waiting.taken(other)
    assert waiting.take(29.9, 0) is None
    assert waiting.take(30, 0) is third


def test_what_is_dropped_while_it_waits_is_forgotten_and_what_is_on_its_way_is_not() -> None:
    flying, behind, other = entry("1"), entry("2"), entry("3", "d")
    waiting = docket(flying, behind, other)
    assert waiting.take(0, 0) is flying
    waiting.prune(lambda each: False)
    waiting.taken(flying)
    assert waiting.take(0, 0) is None
    assert waiting.next_at(0) is None


def test_waking_tries_everything_at_once() -> None:
    first, other = entry("1"), entry("2", "d")
    waiting = docket(first, other)
    assert waiting.take(0, 0) is first
    waiting.failed(first, 0, wait=3_000)
    waiting.wake()
    assert {waiting.take(0.1, 0), waiting.next_at(0.1)} == {other, 0.1}
