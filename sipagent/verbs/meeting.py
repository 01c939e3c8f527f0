"""Meeting other calls, as verbs need it: places, rooms, keys that leave them, and waiting."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from sipagent.call.meeting import Meet, Notice, Over, Seated, Wish
from sipagent.call.numbers import number_of
from sipagent.call.services import Place
from sipagent.call.session import CallSession
from sipagent.errors import CallError
from sipagent.events import MeetingChanged, Warned
from sipagent.tasks import stopped

from .playing import play_all, sound_port

#: what is heard by who waits, where the plan says nothing else
WAITING = ("tone:425:0.3", "silence:4")
#: why a stay ended that its caller ended
LEFT = "left"

Tell = Callable[..., None]


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Urls = Annotated[tuple[str, ...], BeforeValidator(_listed)]
#: numbers are written without quotes
Text = Annotated[str, BeforeValidator(lambda v: str(v) if type(v) is int else v)]


def teller(call: CallSession, place: Literal["conference", "parking", "queue"], name: str) -> Tell:
    """Puts steps of one meeting on record."""
    return partial(call.emit, MeetingChanged, place=place, name=name)


def party(call: CallSession) -> str:
    """The caller, as other calls are told."""
    return number_of(call.caller.info.remote)


@asynccontextmanager
async def placed(call: CallSession, wish: Wish) -> AsyncIterator[tuple[Place, Seated]]:
    """Hold a place while the block runs. Raises CallError where it is refused."""
    place, seat = await call.services.meetings.take(wish)
    try:
        yield place, seat
    finally:
        place.leave()


async def until(
    place: Place,
    wanted: tuple[type[Notice], ...],
    ends: Sequence["asyncio.Future[Any]"],
    on: Callable[[Notice], None] = lambda notice: None,
) -> Notice | None:
    """The next notice of a wanted kind, the others going to `on`; None once one of `ends` is
    done.
    """
    while True:
        notice = asyncio.ensure_future(place.notice())
        try:
            await asyncio.wait({notice, *ends}, return_when=asyncio.FIRST_COMPLETED)
            if not notice.done():
                return None
            told = notice.result()
        finally:
            notice.cancel()
        if isinstance(told, wanted):
            return told
        on(told)


async def pressed(call: CallSession, key: str | None) -> None:
    """Wait until the caller presses the key; for ever where there is none."""
    if key is None:
        await asyncio.get_running_loop().create_future()
    while await call.keys.key() != key:
        pass


async def together_in(
    call: CallSession, place: Place, meet: Meet, tell: Tell, key: str | None = None
) -> str:
    """Let the caller and another call talk in a room until either leaves; why it was over."""
    tell(change="met", other=meet.other)
    leaving = asyncio.ensure_future(pressed(call, key))
    try:
        async with (
            sound_port(call, "room") as port,
            call.services.meetings.link(port, meet, lambda what: tell(change=what)) as link,
        ):
            over = await until(place, (Over,), [leaving, link.lost])
            return _why(over, link.lost)
    finally:
        await stopped(leaving)


def _why(over: Notice | None, lost: "asyncio.Future[str]") -> str:
    if isinstance(over, Over):
        return over.reason
    return lost.result() if lost.done() else LEFT


async def beep(call: CallSession, url: str) -> None:
    """Let the caller, and nobody else in the room, hear a short sound."""
    port = call.bridge.open_port("beep")
    call.bridge.connect(port, call.caller)
    try:
        await play_all(call, port, (url,))
    except CallError as error:
        call.emit(Warned, code="beep", detail=str(error))
    finally:
        call.bridge.close_port(port)
