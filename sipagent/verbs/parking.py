"""Verbs of parking: park, retrieve."""

import asyncio
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from sipagent.call.control import CallControl
from sipagent.call.meeting import Meet, Over, Park, Retrieve
from sipagent.call.numbers import number_of
from sipagent.call.services import Place
from sipagent.call.session import CallSession
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import CallError
from sipagent.events import Warned
from sipagent.tasks import stopped

from .flow import remember
from .meeting import LEFT, WAITING, Text, Urls, party, placed, teller, together_in, until
from .playing import play_all, ringing
from .ringing import Callee, Hunt
from .waiting import answered, while_caller_stays

_SLOT = r"^[0-9]{1,6}$"


def _dialled(value: Any) -> Any:
    """`705` of `sip:705@pbx.example`."""
    return number_of(value) if isinstance(value, str) and ":" in value else value


class ParkVerb(Verb):
    """Park the caller: they hear music until somebody retrieves them from the slot.

    Sets park_slot, and park_result (retrieved, timeout, failed).
    """

    name: ClassVar[str] = "park"
    shorthand: ClassVar[str | None] = "slot"
    is_tool: ClassVar[bool] = True
    tool_fields: ClassVar[tuple[str, ...] | None] = ()
    tool_extras: ClassVar[tuple[str, ...]] = ("slot", "timeout", "page")
    after_speech: ClassVar[bool] = True
    slot: Text | None = Field(default=None, pattern=_SLOT, description="default: one that is free")
    timeout: float = Field(default=120, gt=0, le=3600, description="seconds until we take it back")
    music: Urls = Field(default=WAITING, description="what the caller hears meanwhile")
    page: Text | None = Field(
        default=None, description="whom to call meanwhile and tell the slot: SIP URI or number"
    )

    @property
    def targets(self) -> tuple[str, ...]:
        """The slot, and who is told of it."""
        return (f"park:{self.slot or 'any'}", *((self.page,) if self.page else ()))

    async def run(self, control: CallControl) -> Outcome:
        """Park, and be there when somebody comes, or nobody does."""
        call = control.call
        await answered(call)
        remember(call, park_result="failed", park_slot="")
        async with (
            call.aside(),
            placed(call, Park(slot=self.slot, who=party(call))) as (place, seat),
        ):
            remember(call, park_slot=seat.slot)
            teller(call, "parking", seat.slot)(change="waiting")
            outcome = await while_caller_stays(call, self._parked(call, place, seat.slot))
        remember(call, park_result="retrieved" if outcome.ok else "timeout")
        return outcome

    async def _parked(self, call: CallSession, place: Place, slot: str) -> Outcome:
        tell = teller(call, "parking", slot)
        patience = asyncio.ensure_future(asyncio.sleep(self.timeout))
        paging = asyncio.ensure_future(self._paged(call, slot))
        try:
            async with ringing(call, self.music):
                meet = await until(place, (Meet, Over), [patience])
        finally:
            await stopped(patience, paging)
        if not isinstance(meet, Meet):
            detail = f"nobody retrieved the caller from slot {slot} in {self.timeout:g} seconds"
            tell(change="over", detail=detail)
            return Outcome(False, detail, status=408)
        why = await together_in(call, place, meet, tell)
        tell(change="over", detail=why)
        detail = f"was parked at {slot} and retrieved by {meet.other or 'another call'}"
        return Outcome(detail=detail, status=200)

    async def _paged(self, call: CallSession, slot: str) -> None:
        """Tell somebody where the caller is. They are not put through."""
        if self.page is None:
            return
        async with Hunt(call) as hunt:
            try:
                leg, _ = await hunt.in_turn([[Callee(self.page, self.timeout)]])
                port = call.bridge.open_port("page")
                call.bridge.connect(port, leg)
                words = f"say:A call is parked at {' '.join(slot)}."
                try:
                    await play_all(call, port, (words, "silence:1", words))
                finally:
                    call.bridge.close_port(port)
            except CallError as error:
                call.emit(Warned, code="page", detail=str(error))


class RetrieveVerb(Verb):
    """Talk to the call that is parked in a slot.

    Sets retrieve_result (retrieved or failed).
    """

    name: ClassVar[str] = "retrieve"
    shorthand: ClassVar[str | None] = "slot"
    slot: Annotated[Text, BeforeValidator(_dialled)] = Field(
        pattern=_SLOT, description="or the number that was called: ${call.to}"
    )

    @property
    def targets(self) -> tuple[str, ...]:
        """The slot, for the policy."""
        return (f"park:{self.slot}",)

    async def run(self, control: CallControl) -> Outcome:
        """Meet them until either leaves. The caller is answered only if somebody is there."""
        call = control.call
        remember(call, retrieve_result="failed")
        tell = teller(call, "parking", self.slot)
        async with (
            call.aside(),
            placed(call, Retrieve(slot=self.slot, who=party(call))) as (place, _),
        ):
            remember(call, retrieve_result="retrieved")
            outcome = await while_caller_stays(call, self._met(call, place))
            tell(change="over", detail=outcome.detail)
        return outcome

    async def _met(self, call: CallSession, place: Place) -> Outcome:
        await answered(call)
        meet = await until(place, (Meet, Over), ())
        if not isinstance(meet, Meet):
            return Outcome(False, meet.reason if isinstance(meet, Over) else LEFT, status=480)
        why = await together_in(call, place, meet, teller(call, "parking", self.slot))
        return Outcome(detail=f"was with {meet.other or 'the parked call'}: {why}", status=200)


PARKING: tuple[type[Verb], ...] = (ParkVerb, RetrieveVerb)
