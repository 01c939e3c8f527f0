"""Watchers: whoever in the worker itself wants to know what goes on record, as it happens."""

from collections.abc import Callable

from sipagent.events import Event

Watcher = Callable[[Event], None]


class Watchers:
    """An `Emit` that tells the record first, then everybody who watches, in order."""

    def __init__(self, record: Watcher) -> None:
        self._record = record
        self._watching: list[Watcher] = []

    def __call__(self, event: Event) -> None:
        """Tell everybody of an event, redacted already."""
        self._record(event)
        for watcher in tuple(self._watching):
            watcher(event)

    def add(self, watcher: Watcher) -> Callable[[], None]:
        """Tell this one, too. It must not raise, wait, or emit. Returns what ends it."""
        self._watching.append(watcher)
        return lambda: self._watching.remove(watcher)
