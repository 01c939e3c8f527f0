"""Following a stream of events: read line by line, gone on with where it was left. Pure."""

from collections.abc import Sequence

from sipagent.api.calls import Numbered
from sipagent.events import ANY_EVENT, CallEnded

from .asks import call_path
from .errors import ApiError, ServerAway, TooFast, Unavailable

#: between signs of life of a server it is 15; a stream without any is dead, seconds
SILENCE = 45.0
#: attempts in a row to go on, and the longest wait between two, seconds
_TRIES, _LONGEST = 8, 15.0


class Following:
    """One stream. `last` is the number of the newest event that was read, None before the first."""

    def __init__(self, call_id: str | None, after: int | None, types: Sequence[str]) -> None:
        self.path = "/v1/events" if call_id is None else f"{call_path(call_id)}/events"
        self.last = after
        self.over = False
        self._types = ",".join(types)
        self._kind = ""
        self._seq = 0
        self._failed = 0

    @property
    def params(self) -> dict[str, str]:
        """Of the next request."""
        params = {} if self.last is None else {"after": str(self.last)}
        return params | ({"types": self._types} if self._types else {})

    def line(self, line: str) -> Numbered | None:
        """What a line brings to an end: an event, or a gap."""
        name, _, value = line.partition(": ")
        if name == "id":
            self._seq = int(value)
        elif name == "event":
            self._kind = value
        elif name == "data":
            self._failed, self.last = 0, self._seq
            event = None if self._kind == "gap" else ANY_EVENT.validate_json(value)
            self.over = isinstance(event, CallEnded)
            return Numbered(self._seq, event)
        return None

    def wait(self, error: Exception | None) -> float:
        """Seconds until the next try, after a stream broke off. Raises what cannot be waited for,
        and ServerAway after too many tries.
        """
        if isinstance(error, ApiError) and not isinstance(error, TooFast | Unavailable):
            raise error
        self._failed += 1
        if self._failed > _TRIES:
            raise ServerAway(f"the stream broke off {_TRIES} times: {error}") from error
        return float(min(_LONGEST, 0.1 * 2**self._failed))
