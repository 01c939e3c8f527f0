"""Holder: a call with one place among other calls, as the gateway knows it."""

from collections.abc import Callable
from typing import Protocol

from sipagent.call.meeting import Meet, Notice, Over, Refused, Wish

#: where calls meet: a room of this name (empty: a new one), and whom the call meets there
Rooms = Callable[[str, str], Meet]


class Holder:
    """`since` is when it got the place, registry's clock; `room` is where it meets others."""

    def __init__(self, wish: Wish, tell: Callable[[Notice], None], since: float) -> None:
        self.wish = wish
        self.since = since
        self.room = ""
        self._tell = tell
        self._over = False

    @property
    def who(self) -> str:
        """The party, as others are told."""
        return self.wish.who

    @property
    def over(self) -> bool:
        """True once it was told that its place is no more."""
        return self._over

    def tell(self, notice: Notice) -> None:
        """Something happened to its place; after Over or Refused it is told nothing."""
        if self._over:
            return
        self._over = isinstance(notice, Over | Refused)
        if isinstance(notice, Meet):
            self.room = notice.room
        self._tell(notice)


class Registry(Protocol):
    """One kind of place. Whatever it decides, it tells the holders; nothing here waits."""

    def seat(self, holder: Holder, *, again: bool = False) -> None:
        """Grant or refuse. `again`: it has the place, from a gateway that is no more; its `room`
        says where it meets others.
        """
        ...

    def reported(self, holder: Holder, answered: str | None) -> None:
        """How its Ring came out."""
        ...

    def leave(self, holder: Holder) -> None:
        """It is gone, or gives its place back; nothing if it had none."""
        ...
