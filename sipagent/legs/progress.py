"""Progress: where one leg's INVITE session stands, who wants to know, and who waits."""

import asyncio
from collections.abc import Callable

from sipagent.call.leg import NEXT, LegState
from sipagent.errors import LegFailed


def reachable(state: LegState) -> frozenset[LegState]:
    """Every state that can still be entered from `state`."""
    found: set[LegState] = set()
    todo = [state]
    while todo:
        new = NEXT[todo.pop()] - found
        found |= new
        todo.extend(new)
    return frozenset(found)


class Progress:
    """A state, the last status and its reason. `move` is the one way on; it tells everybody."""

    def __init__(self, state: LegState) -> None:
        self.state = state
        self.status = 0
        self.reason = ""
        self._listeners: list[Callable[[], None]] = []
        self._waiters: list[tuple[frozenset[LegState], asyncio.Future[LegState]]] = []

    def on_change(self, listener: Callable[[], None]) -> None:
        """Have `listener` called after every move, and by `notify`."""
        self._listeners.append(listener)

    def move(self, state: LegState, status: int, reason: str) -> bool:
        """Enter `state` if the table allows it from here; False (and nothing done) if not."""
        if state not in NEXT[self.state]:
            return False
        self.state, self.status, self.reason = state, status, reason
        ahead = reachable(state)
        waiters, self._waiters = self._waiters, []
        for wanted, future in waiters:
            if future.done():
                continue
            if state in wanted:
                future.set_result(state)
            elif not wanted & ahead:
                future.set_exception(self._failed())
            else:
                self._waiters.append((wanted, future))
        self.notify()
        return True

    def notify(self) -> None:
        """Call the listeners: something about the leg changed."""
        for listener in tuple(self._listeners):
            listener()

    async def wait(self, *states: LegState) -> LegState:
        """Wait for any of the states; raise LegFailed once none can be reached any more."""
        if self.state in states:
            return self.state
        wanted = frozenset(states)
        if not wanted & reachable(self.state):
            raise self._failed()
        future: asyncio.Future[LegState] = asyncio.get_running_loop().create_future()
        entry = (wanted, future)
        self._waiters.append(entry)
        try:
            return await future
        finally:
            if entry in self._waiters:
                self._waiters.remove(entry)

    def _failed(self) -> LegFailed:
        return LegFailed(self.status or 500, self.reason or f"the leg is {self.state}")
