"""Natives: those of the server's own functions that an agent's declaration names."""

from collections.abc import Callable, Mapping, Sequence

from sipagent.call.control import CallControl
from sipagent.events import Warned
from sipagent.tools.spec import ToolSpec

from .clock import CHECK_TIME, WAIT_SECONDS, check_time, wait_seconds
from .pace import (
    ADJUST_RESPONSE_LATENCY,
    WAIT_FOR_USER,
    adjust_response_latency,
    wait_for_user,
)

_MADE: Mapping[str, Callable[[str | None], ToolSpec]] = {
    CHECK_TIME: check_time,
    WAIT_SECONDS: lambda zone: wait_seconds(),
    WAIT_FOR_USER: lambda zone: wait_for_user(),
    ADJUST_RESPONSE_LATENCY: lambda zone: adjust_response_latency(),
}


class Natives:
    """A ToolSource. `names` are SWML's `native_functions`, `zone` an IANA time zone."""

    def __init__(self, names: Sequence[str], zone: str | None = None) -> None:
        self._names = tuple(dict.fromkeys(names))
        self._tools = [_MADE[name](zone) for name in self._names if name in _MADE]

    def open(self, control: CallControl) -> None:
        """See `ToolSource`."""
        for name in self._names:
            if name not in _MADE:
                detail = f"there is no native function {name[:60]!r}; there are {', '.join(_MADE)}"
                control.call.emit(Warned, code="swml", detail=detail)

    def offered(self) -> Sequence[ToolSpec]:
        """See `ToolSource`."""
        return self._tools

    async def close(self) -> None:
        """See `ToolSource`."""
