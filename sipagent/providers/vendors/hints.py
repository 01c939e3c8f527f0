"""Hints: as many of the words the ears should know as a vendor takes, the first ones first."""

from collections.abc import Iterable


def fitting(
    hints: Iterable[str], *, most: int, characters: int = 100_000, longest: int = 1_000
) -> tuple[str, ...]:
    """Each once; those longer than `longest` characters are left out, and what would make it more
    than `most`, or than so many `characters` in all.
    """
    taken: list[str] = []
    room = characters
    for hint in dict.fromkeys(hints):
        if len(hint) <= longest and len(hint) <= room and len(taken) < most:
            taken.append(hint)
            room -= len(hint)
    return tuple(taken)
