"""Live calls that are told by events and do whatever they are asked, without a worker."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sipagent.api.calls import (
    CallOver,
    Calls,
    CallView,
    Line,
    LiveCalls,
    Numbered,
    Origination,
    Principal,
)
from sipagent.app.live import checked
from sipagent.call.verb import Outcome
from sipagent.store.vault import Stored


class SimulatedCalls:
    """`LiveCalls` over those of a server without workers. `originated` is what a call that is to
    be made becomes.
    """

    def __init__(self, calls: LiveCalls, originated: str) -> None:
        self._calls = calls
        self._originated = originated

    async def list(self) -> Calls:
        """See `LiveCalls`."""
        return await self._calls.list()

    async def get(self, call_id: str) -> CallView:
        """See `LiveCalls`."""
        return await self._calls.get(call_id)

    async def do(
        self, call_id: str, verb: str, arguments: Mapping[str, Any], who: Principal
    ) -> Outcome:
        """Check it, and say that it was done."""
        checked(verb, arguments)
        if (await self.get(call_id)).state == "ended":
            raise CallOver("the call is over")
        return Outcome(detail=f"{verb} by {who.by}", data=dict(arguments))

    async def originate(self, wish: Origination, who: Principal) -> CallView:
        """The call that is there already."""
        return await self._calls.get(self._originated)

    def events(
        self, call_id: str | None = None, after: int | None = None
    ) -> AsyncIterator[Numbered]:
        """See `LiveCalls`."""
        return self._calls.events(call_id, after)

    async def transcript(self, call_id: str) -> Sequence[Line]:
        """See `LiveCalls`."""
        return await self._calls.transcript(call_id)

    async def recording(self, call_id: str, name: str | None = None) -> Stored | None:
        """See `LiveCalls`."""
        return await self._calls.recording(call_id, name)
