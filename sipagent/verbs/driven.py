"""relay: the call is offered to programs outside, and does what the one that takes it says."""

from typing import ClassVar

from pydantic import Field

from sipagent.call.control import CallControl
from sipagent.call.driving import Driving, NotOnOffer
from sipagent.call.verb import Outcome, Verb
from sipagent.events import DriveChanged

from .flow import remember
from .waiting import CallerGone, while_caller_stays


class RelayVerb(Verb):
    """Offer the call to the RELAY clients that listen in a context. Whoever takes it says what is
    done until they give it back or the call ends; the plan goes on at the next step when nobody
    takes it, or it is given back.

    Sets relay_result (given_back, nobody, refused, lost).
    """

    name: ClassVar[str] = "relay"
    shorthand: ClassVar[str | None] = "context"
    context: str = Field(min_length=1, max_length=64, description="as clients name it")
    timeout: float = Field(
        default=10, gt=0, le=120, description="seconds until a client has given its first order"
    )

    async def run(self, control: CallControl) -> Outcome:
        """Wait for a client, then for its last order."""
        call = control.call
        driving = call.driving = Driving(self.context)
        call.emit(DriveChanged, change="offered", context=self.context)
        why = "the call went elsewhere"
        try:
            why = await while_caller_stays(call, self._driven(driving))
        except CallerGone:
            why = "the caller left"
            raise
        finally:
            call.driving = None
            call.emit(DriveChanged, change="over", context=self.context, reason=why)
        remember(call, relay_result=why)
        ok = why == "given_back"
        return Outcome(ok, "the client gave the call back" if ok else _WORDS.get(why, why))

    async def _driven(self, driving: Driving) -> str:
        if not await driving.taken(self.timeout) and not driving.done:
            return "nobody"
        return await driving.over()


_WORDS = {
    "nobody": "no RELAY client has taken the call",
    "refused": "no RELAY client wanted the call",
    "lost": "the RELAY client is gone",
}


class TakeOverVerb(Verb):
    """Take a call that is on offer: its plan waits for your orders from now on."""

    name: ClassVar[str] = "take_over"

    async def run(self, control: CallControl) -> Outcome:
        """Raises NotOnOffer."""
        driving = offered(control)
        first = not driving.driver
        driving.take(control.by)
        if first:
            control.call.emit(DriveChanged, change="taken", context=driving.context, by=control.by)
        return Outcome(detail="the call is yours")


class GiveBackVerb(Verb):
    """Give a call back that was on offer: its plan goes on."""

    name: ClassVar[str] = "give_back"
    shorthand: ClassVar[str | None] = "reason"
    reason: str = Field(
        default="given_back",
        pattern=r"^(given_back|refused|lost)$",
        description="given_back, refused: nobody wants it, or lost: the driver is gone",
    )

    async def run(self, control: CallControl) -> Outcome:
        """Raises NotOnOffer."""
        offered(control).give_back(self.reason)
        return Outcome(detail="its plan goes on")


def offered(control: CallControl) -> Driving:
    """The offer that stands. Raises NotOnOffer."""
    driving = control.call.driving
    if driving is None:
        raise NotOnOffer("this call is not on offer")
    return driving


#: a step of plans
DRIVEN: tuple[type[Verb], ...] = (RelayVerb,)
#: for those outside
DRIVERS: tuple[type[Verb], ...] = (TakeOverVerb, GiveBackVerb)
