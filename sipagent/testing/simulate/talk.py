"""Talk: a whole call on a virtual clock that stands still while the caller thinks what to type."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from sipagent.config import Settings
from sipagent.dialplan.model import Plan
from sipagent.events import Event
from sipagent.testing.rehearsal import (
    BUSY,
    NO_ANSWER,
    CallOver,
    Deed,
    Party,
    Rehearsal,
    rehearse,
)
from sipagent.testing.replay.live_minds import LiveMinds

from .commands import HELP, Command, Unknown, read
from .minds import AtHand

#: how parties that are dialled behave
Answers = Literal["yes", "busy", "no-answer"]
_PARTIES: Mapping[Answers, Party] = {
    "yes": Party(rings=0.5, answers=2.0, deeds=(Deed(says="Hello?"),)),
    "busy": BUSY,
    "no-answer": NO_ANSWER,
}
_ANYBODY = ("sip:*", "sips:*", "tel:*")
#: how long a call may go on once the input is over, seconds
_REST = 30.0


class Seat(Protocol):
    """Where the caller sits: types, and sees what happens."""

    def ask(self) -> str | None:
        """The next line; None at the end of the input. May take as long as it takes."""
        ...

    def show(self, event: Event) -> None:
        """Something has happened."""
        ...

    def tell(self, text: str) -> None:
        """Something that is no event."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """The call to be made."""

    to: str = "100"
    caller: str = "sip:you@localhost"
    answers: Answers = "yes"
    at: datetime | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)


async def simulate(plan: Plan, settings: Settings, call: Call, seat: Seat) -> list[Event]:
    """Talk until the call is over; everything that happened. To be run on a VirtualLoop.

    Raises ConfigError for tools that cannot be loaded.
    """
    quiet = settings.store.model_copy(update={"model_requests": False})
    settings = settings.model_copy(update={"store": quiet})
    more: dict[str, Any] = {} if call.at is None else {"at": call.at}
    with LiveMinds(settings) as live:
        async with rehearse(
            plan,
            settings,
            to=call.to,
            caller=call.caller,
            parties=dict.fromkeys(_ANYBODY, _PARTIES[call.answers]),
            variables=call.variables,
            minds=AtHand(settings, live, seat.tell),
            **more,
        ) as rehearsal:
            await _Talk(rehearsal, seat).run()
        return rehearsal.events


class _Talk:
    def __init__(self, call: Rehearsal, seat: Seat) -> None:
        self._call = call
        self._seat = seat
        #: what is to be said over the agent's next words
        self._interrupting: Command | None = None
        #: events that were shown, and that `/events` has told
        self._shown = self._told = 0

    async def run(self) -> None:
        call, seat = self._call, self._seat
        release = call.session.watch(lambda event: self._show())
        try:
            with suppress(CallOver):
                await call.settles()
                while not call.over and (line := seat.ask()) is not None:
                    await self._line(line)
            if not call.over:
                await call.hangs_up()
            await call.ended(_REST)
        finally:
            release()
            self._show()
            for trouble in call.record.troubles:
                seat.tell(trouble)

    async def _line(self, line: str) -> None:
        try:
            command = read(line)
        except Unknown as error:
            self._seat.tell(str(error))
            return
        if command is not None:
            await self._do(command)

    async def _do(self, command: Command) -> None:
        call, seat = self._call, self._seat
        match command.kind:
            case "help":
                seat.tell(HELP)
            case "legs":
                for leg in call.session.legs:
                    seat.tell(f"{leg.info.id}: {leg.info.remote}, {leg.state.value}")
            case "events":
                for event in call.events[self._told :]:
                    seat.tell(event.model_dump_json())
                self._told = len(call.events)
            case "interrupt":
                self._interrupting = command
            case "hangup":
                await call.hangs_up()
            case "wait":
                await call.waits(command.seconds)
            case "say" | "press" | "cough":
                await self._act(command)
                await self._interrupt()
                await call.settles()

    async def _act(self, command: Command) -> None:
        call = self._call
        match command.kind:
            case "say":
                await call.says(command.text, over=True)
            case "press":
                await call.presses(command.text, over=True)
            case "cough":
                await call.coughs()

    async def _interrupt(self) -> None:
        wish, self._interrupting = self._interrupting, None
        if wish is None:
            return
        if await self._call.until_spoken_to(round(1000 * wish.seconds)):
            await self._call.says(wish.text, over=True)
        else:
            self._seat.tell("nobody spoke so long: it was not said")

    def _show(self) -> None:
        """Show what is new; the event that is told of is among it."""
        events = self._call.events
        while self._shown < len(events):
            self._shown += 1
            self._seat.show(events[self._shown - 1])
