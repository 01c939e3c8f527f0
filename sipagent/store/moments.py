"""Where an event stands on a picture's time axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sipagent.events import CallStarted, Event, SipMessage


@dataclass(frozen=True, slots=True)
class Clock:
    """Media-clock time brought to the picture's: 0 is the first event.

    A rung of the SIP ladder is stamped by the gateway, which does not know the worker's media
    clock: its wall clock tells.
    """

    zero: int
    start: int
    started: datetime | None

    def of(self, event: Event) -> int:
        """Where an event stands, ms."""
        return max(0, self.media(event) - self.zero)

    def at(self, t: int) -> int:
        """Where a media-clock time stands, ms."""
        return max(0, t - self.zero)

    def media(self, event: Event) -> int:
        """An event on the call's media clock, ms."""
        if isinstance(event, SipMessage) and self.started is not None:
            return self.start + round((event.at - self.started).total_seconds() * 1000)
        return event.t


def clock(events: Sequence[Event]) -> Clock:
    """The clock of one call's events."""
    first = next((e for e in events if isinstance(e, CallStarted)), None)
    if first is None:
        begin = min((e.t for e in events if not isinstance(e, SipMessage)), default=0)
        return Clock(begin, begin, None)
    rough = Clock(0, first.t, first.at)
    rungs = [rough.media(e) for e in events if isinstance(e, SipMessage)]
    # An INVITE is seen some ms before its call exists; anything older is another clock's.
    zero = min([first.t, *(t for t in rungs if t > first.t - 2_000)])
    return Clock(zero, first.t, first.at)
