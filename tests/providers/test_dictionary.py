"""The pronunciation dictionary, looked up in its file."""

import random

import pytest

from sipagent.providers.dictionary import MODEL, pronunciations


@pytest.fixture(scope="module")
def said() -> dict[str, list[str]]:
    """Every word of the file and the ways to say it, read from its first line to its last."""
    ways: dict[str, list[str]] = {}
    for line in (MODEL / "cmudict-en-us.dict").read_text().splitlines():
        name, _, phones = line.partition(" ")
        ways.setdefault(name.partition("(")[0], []).append(phones)
    return ways


def test_every_word_is_found_with_all_its_ways(said: dict[str, list[str]]) -> None:
    words = list(said)
    some = random.Random(7).sample(words, 500)
    for word in [words[0], words[-1], "a", "hello", *some]:
        assert list(pronunciations(word)) == said[word], word


@pytest.mark.parametrize("word", ["", "zyx", "aaaaaa", "zzzzzz", "hello(2)", "hell o"])
def test_a_word_that_is_not_there_has_no_way(word: str) -> None:
    assert pronunciations(word) == ()
