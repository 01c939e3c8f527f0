"""Confirming: whoever answered a hunt has to want the call; a mailbox does not."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sipagent.call.control import CallControl
from sipagent.call.leg import Leg, LegState
from sipagent.call.session import CallSession
from sipagent.call.step import Step
from sipagent.call.verb import Outcome, Return
from sipagent.errors import LegFailed, ProviderError
from sipagent.events import Warned
from sipagent.media.port import AudioPort
from sipagent.tasks import stopped

from .flow import planned, run_block, run_section, truthy
from .playing import play_all, whispering
from .words import REASONS

#: below it embedded ears may take a greeting for a yes
_CERTAIN = 0.7
_END_OF_ANSWER = 0.5


@dataclass(frozen=True, slots=True)
class Confirmation:
    """How one who answered says yes within `timeout` seconds.

    `how` is sounds, the name of one section of the plan, or steps. After sounds a key of `keys`
    (empty: any) is a yes, and so is one of `phrases`, said after they were played. Steps and
    sections run with the answerer as their caller: to hang up is a no, and so is to return
    something false.
    """

    control: CallControl
    how: Sequence[str | Step]
    timeout: float
    keys: str = ""
    phrases: tuple[str, ...] = ()

    async def ask(self, leg: Leg) -> None:
        """Return when they said yes. Raises LegFailed."""
        try:
            async with asyncio.timeout(self.timeout):
                yes = await self._asked(leg)
        except TimeoutError:
            yes = False
        if not yes and leg.state is LegState.DISCONNECTED:
            raise LegFailed(487, REASONS[487])
        if not yes:
            raise LegFailed(480, "Not Confirmed")

    async def _asked(self, leg: Leg) -> bool:
        call = self.control.call
        steps = tuple(item for item in self.how if isinstance(item, Step))
        sounds = tuple(item for item in self.how if isinstance(item, str))
        if steps:
            return await self._ran(leg, steps)
        if len(sounds) == 1 and sounds[0] in call.program:
            return await self._ran(leg, sounds[0])
        return await self._answered(leg, sounds)

    async def _ran(self, leg: Leg, what: str | Sequence[Step]) -> bool:
        async with self.control.call.beside(leg) as side:
            here = replace(
                planned(self.control), call=side, by="dialplan", allowed=None, presence=None
            )
            if isinstance(what, str):
                outcome = await run_section(here, what)
            else:
                outcome = await run_block(here, what)
            if side.hung_up_by is not None:
                raise LegFailed(480, "Not Confirmed")
        return leg.state is LegState.CONFIRMED and _agrees(outcome)

    async def _answered(self, leg: Leg, sounds: Sequence[str]) -> bool:
        call = self.control.call
        async with whispering(call, "confirm", leg) as port:
            playing = asyncio.ensure_future(play_all(call, port, sounds))
            answers = {asyncio.ensure_future(self._key(leg))}
            if self.phrases:
                answers.add(asyncio.ensure_future(self._voice(leg, playing)))
            try:
                await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await stopped(playing, *answers)
        return leg.state is LegState.CONFIRMED

    async def _key(self, leg: Leg) -> None:
        async for key in leg.digits():
            if not self.keys or key in self.keys:
                return

    async def _voice(self, leg: Leg, playing: "asyncio.Future[None]") -> None:
        """Wait for a yes that is certain; for ever where the ears fail: then there are the keys."""
        call = self.control.call
        await asyncio.wait({playing})
        port = call.bridge.open_port("confirm-ear")
        call.bridge.connect(leg, port)
        try:
            while not await self._said_yes(call, port):
                pass
        except ProviderError as error:
            call.emit(Warned, code="confirm", detail=f"keys only: {error}")
            await asyncio.Event().wait()
        finally:
            call.bridge.close_port(port)

    async def _said_yes(self, call: CallSession, port: AudioPort) -> bool:
        heard = await call.services.hearing.hear(
            port, phrases=self.phrases, initial_timeout=self.timeout, end_timeout=_END_OF_ANSWER
        )
        if heard is None or (heard.confidence is not None and heard.confidence < _CERTAIN):
            return False
        said = heard.text.strip(" .!,").lower()
        return said in {phrase.lower() for phrase in self.phrases}


def _agrees(outcome: Outcome) -> bool:
    if isinstance(outcome.flow, Return) and outcome.flow.value is not None:
        return truthy(outcome.flow.value) and outcome.flow.value != "false"
    return True


async def announce(call: CallSession, leg: Leg, sounds: Sequence[str]) -> None:
    """Tell one who answered something that the caller does not hear. Raises LegFailed where they
    leave meanwhile.
    """
    async with whispering(call, "announcement", leg) as port:
        playing = asyncio.ensure_future(play_all(call, port, sounds))
        left = asyncio.ensure_future(leg.wait(LegState.DISCONNECTED))
        try:
            await asyncio.wait({playing, left}, return_when=asyncio.FIRST_COMPLETED)
            if not playing.done():
                raise LegFailed(487, REASONS[487])
            playing.result()
        finally:
            await stopped(playing, left)
