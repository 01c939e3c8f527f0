"""A file that is had by pieces reads as any other."""

import io
from typing import BinaryIO, cast

import pytest

from sipagent.store.ranged import Ranged

TEXT = bytes(range(256)) * 4


class _Pieces(Ranged):
    """Gives seven bytes at most, and counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.size = len(TEXT)
        self.asked: list[tuple[int, int]] = []

    def _piece_at(self, place: int, most: int) -> bytes:
        self.asked.append((place, most))
        return TEXT[place : place + min(most, 7)]


def opened(ahead: int = 64) -> tuple[_Pieces, BinaryIO]:
    pieces = _Pieces()
    return pieces, cast(BinaryIO, io.BufferedReader(pieces, ahead))


def test_it_is_read_whole_and_nothing_is_asked_for_beyond_its_end() -> None:
    pieces, file = opened()
    assert file.read() == TEXT
    assert file.read() == b""
    assert all(place + most <= len(TEXT) and most > 0 for place, most in pieces.asked)


@pytest.mark.parametrize(
    ("offset", "whence", "place"),
    [
        (300, io.SEEK_SET, 300),
        (-24, io.SEEK_END, 1000),
        (5, io.SEEK_CUR, 15),
        (9_999, io.SEEK_SET, 9_999),
    ],
)
def test_it_is_read_from_wherever_one_seeks(offset: int, whence: int, place: int) -> None:
    _, file = opened()
    file.seek(10)
    assert file.seek(offset, whence) == file.tell() == place
    assert file.read(20) == TEXT[place : place + 20]


def test_before_its_beginning_is_its_beginning() -> None:
    pieces = _Pieces()
    assert pieces.seek(-3, io.SEEK_CUR) == 0
    assert pieces.seek(-5_000, io.SEEK_END) == 0
    assert pieces.read(4) == TEXT[:4]
