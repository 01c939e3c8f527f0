"""How many conversations are tried next, and when enough is known."""

import pytest

from sipagent.testing.capacity.search import Search


def tried(limit: int, *, start: int = 20, most: int = 400, unlucky: tuple[int, ...] = ()) -> Search:
    """A search on a machine that holds `limit`; the first try of `unlucky` numbers breaks."""
    search, numbers = Search(start, most), list[int]()
    while not search.over:
        numbers.append(search.next)
        lucky = search.next not in unlucky or numbers.count(search.next) > 1
        search = search.after(holds=search.next <= limit and lucky)
        assert len(numbers) < 30
    return search


@pytest.mark.parametrize("limit", [1, 7, 19, 20, 55, 103, 399])
def test_what_a_machine_holds_is_found_within_a_tenth(limit: int) -> None:
    search = tried(limit)
    assert search.held <= limit
    assert limit - search.held <= max(1, limit / 10)


def test_a_machine_that_holds_all_there_may_be_is_not_asked_for_more() -> None:
    search = tried(1000, most=70)
    assert (search.held, search.broke) == (70, None)


def test_a_machine_that_holds_nothing_is_believed() -> None:
    search = tried(0, start=4)
    assert (search.held, search.broke) == (0, 1)


def test_one_stall_of_the_machine_does_not_count() -> None:
    assert tried(100, unlucky=(40, 80)).held >= 94


def test_a_step_that_breaks_by_far_is_not_tried_again() -> None:
    search = Search(20, 400)
    assert search.after(holds=False).next == 20
    assert search.after(holds=False, by_far=True).next == 10
