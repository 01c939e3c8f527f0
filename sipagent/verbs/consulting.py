"""Consultation: a private word with whoever answered, who takes the caller or does not."""

import asyncio
from dataclasses import dataclass
from typing import Any

from sipagent.call.leg import Leg, LegState
from sipagent.call.session import CallSession
from sipagent.errors import CallError, ProviderError
from sipagent.events import Warned
from sipagent.media.port import AudioPort
from sipagent.tasks import stopped

from .playing import play_all
from .ringing import NobodyAnswered

YES = ("yes", "yes please")
NO = ("no", "no thank you")
#: below it the embedded ears take "hello" for a "no" (0.62 at most; 0.74 at least for what it was)
CERTAIN = 0.7
#: seconds of silence that end a spoken answer
_END_OF_ANSWER = 0.5


@dataclass(frozen=True, slots=True)
class Consultation:
    """What is said, which keys accept and refuse, and the seconds to decide after it was said."""

    brief: str
    accept: str
    refuse: str
    timeout: float

    @property
    def speech(self) -> str:
        """The brief, and what to do about it."""
        ask = f"Press {_keys(self.accept)} or say yes to take the call, {_keys(self.refuse)} or no"
        return f"say:{self.brief} {ask} to refuse it.".replace("say: ", "say:")


def _keys(keys: str) -> str:
    return " or ".join({"*": "star", "#": "hash"}.get(key, key) for key in keys)


async def consulted(call: CallSession, leg: Leg, name: str, terms: Consultation) -> None:
    """Brief the party on `leg`, who is in no room, and wait for their yes.

    Raises NobodyAnswered: 603 refused, 480 no decision, 487 they hung up.
    """
    port = call.bridge.open_port("consultation")
    call.bridge.connect(port, leg)
    call.bridge.connect(leg, port)
    said = asyncio.ensure_future(_said(call, port, terms))
    deciding = {
        asyncio.ensure_future(_by_key(leg, terms)),
        asyncio.ensure_future(_by_voice(call, port, said)),
    }
    late = asyncio.ensure_future(_too_late(said, terms.timeout))
    left = asyncio.ensure_future(leg.wait(LegState.DISCONNECTED))
    try:
        yes = None
        pending: set[asyncio.Future[Any]] = {late, left, *deciding}
        while yes is None and {late, left} <= pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            answers = [task.result() for task in deciding & done]
            yes = next((answer for answer in answers if answer is not None), None)
        if yes is None and leg.state is LegState.DISCONNECTED:
            raise NobodyAnswered(487, f"487 Request Terminated: {name} answered and hung up")
        if yes is None:
            why = f"480 Temporarily Unavailable: {name} answered and did not decide in time"
            raise NobodyAnswered(480, why)
        if not yes:
            raise NobodyAnswered(603, f"603 Decline: {name} answered and did not take the call")
    finally:
        await stopped(said, late, left, *deciding)
        call.bridge.close_port(port)


async def _said(call: CallSession, port: AudioPort, terms: Consultation) -> None:
    try:
        await play_all(call, port, (terms.speech,))
    except (CallError, ProviderError) as error:
        call.emit(Warned, code="consultation", detail=f"the brief was not said: {error}")


async def _too_late(said: "asyncio.Future[None]", seconds: float) -> None:
    await asyncio.wait({said})
    await asyncio.sleep(seconds)


async def _by_key(leg: Leg, terms: Consultation) -> bool | None:
    async for key in leg.digits():
        if key in terms.accept:
            return True
        if key in terms.refuse:
            return False
    return None


async def _by_voice(
    call: CallSession, port: AudioPort, said: "asyncio.Future[None]"
) -> bool | None:
    """An answer that is certain, once there was a question: the first thing said is a greeting.

    None where the ears cannot help; then there are the keys.
    """
    await asyncio.wait({said})
    while True:
        try:
            heard = await call.services.hearing.hear(
                port,
                phrases=(*YES, *NO),
                initial_timeout=3_600,
                end_timeout=_END_OF_ANSWER,
            )
        except ProviderError as error:
            call.emit(Warned, code="consultation", detail=f"keys only: {error}")
            return None
        if heard is None:
            return None
        answer = heard.text.strip(" .!,").lower()
        if answer in (*YES, *NO) and (heard.confidence is None or heard.confidence >= CERTAIN):
            return answer in YES
