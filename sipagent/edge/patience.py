"""Patience: timers A and B of the INVITEs we answer for ourselves (RFC 3261 section 17.1.1.2)."""

import asyncio
from collections.abc import Callable

from .timers import Timers
from .transactions import Repeater


class Patience:
    """By branch: what is sent again until somebody speaks, and when that is given up."""

    def __init__(self, timers: Timers) -> None:
        self._give_up = timers.give_up
        self._invites = Repeater(timers, invites=True)
        self._deadlines: dict[bytes, asyncio.TimerHandle] = {}

    def resend(self, branch: bytes, send: Callable[[], None]) -> None:
        """Timer A, for an INVITE that was just sent by an unreliable transport."""
        self._invites.later(branch, send)

    def limit(self, branch: bytes, given_up: Callable[[], None]) -> None:
        """Timer B from now; a time that ran already starts anew."""
        self._forget(branch)
        loop = asyncio.get_running_loop()
        self._deadlines[branch] = loop.call_later(self._give_up, given_up)

    def hush(self, branch: bytes) -> None:
        """Do not send it again; go on waiting."""
        self._invites.stop(branch)

    def over(self, branch: bytes) -> None:
        """Somebody spoke."""
        self.hush(branch)
        self._forget(branch)

    def close(self) -> None:
        """Stop all."""
        self._invites.close()
        for handle in self._deadlines.values():
            handle.cancel()
        self._deadlines.clear()

    def _forget(self, branch: bytes) -> None:
        handle = self._deadlines.pop(branch, None)
        if handle is not None:
            handle.cancel()
