"""What a secret number may be: how many digits it has, and what must hold of them. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

EntryKind = Literal["card_number", "expiry", "security_code", "pin", "number"]


@dataclass(frozen=True, slots=True)
class Entry:
    """`name` is what callers are told to type; `sound` tells whether digits of the right length
    can be one, on this day.
    """

    name: str
    shortest: int
    longest: int
    sound: Callable[[str, date], bool] = lambda digits, today: True

    def accepts(self, digits: str, today: date) -> bool:
        """True for digits that can be one."""
        right_length = self.shortest <= len(digits) <= self.longest
        return right_length and digits.isdecimal() and self.sound(digits, today)


@dataclass(slots=True)
class Typing:
    """One attempt at an entry, key by key."""

    terminators: str
    cancel: str
    longest: int
    digits: str = ""
    cancelled: bool = False
    #: True where a key said that this was all; False where it is as long as it can be
    terminated: bool = False

    def key(self, key: str) -> bool:
        """One more key; True where the entry is over. What is neither digit nor end is nothing."""
        if key in self.cancel:
            self.cancelled = self.terminated = True
        elif key in self.terminators:
            # the one that was meant for the entry before does not end this one
            self.terminated = bool(self.digits)
        elif key.isdecimal():
            self.digits += key
        return self.terminated or len(self.digits) >= self.longest


def luhn(digits: str) -> bool:
    """The check digit of ISO/IEC 7812-1 annex B."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _unexpired(digits: str, today: date) -> bool:
    """MMYY, through the end of that month; cards are not made for more than twenty years."""
    month, year = int(digits[:2]), 2000 + int(digits[2:])
    return 1 <= month <= 12 and (today.year, today.month) <= (year, month) <= (today.year + 20, 12)


ENTRIES: Mapping[EntryKind, Entry] = {
    "card_number": Entry("card number", 12, 19, lambda digits, today: luhn(digits)),
    "expiry": Entry("expiry date, two digits for the month and two for the year", 4, 4, _unexpired),
    "security_code": Entry("security code", 3, 4),
    "pin": Entry("PIN", 4, 8),
    "number": Entry("number", 1, 64),
}
