"""Consent to being recorded: ask_consent and withdraw_consent."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field

from sipagent.agent.answers import YES_OR_NO, yes_or_no
from sipagent.call.consent import ConsentState, How
from sipagent.call.control import CallControl
from sipagent.call.services import Heard
from sipagent.call.session import CallSession
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import ProviderError
from sipagent.events import Warned
from sipagent.media.port import AudioPort
from sipagent.sources import KeyPath
from sipagent.tasks import stopped

from .blocks import Block, Nesting, Urls
from .flow import run_block
from .playing import play_all, sound_port
from .waiting import answered, while_caller_stays

_KEYS = r"^[0-9*#A-D]*$"
_SAY = "say:"
#: below it ears may take anything for a yes
_CERTAIN = 0.7
_END_OF_ANSWER = 0.8
_LONG = 3_600.0

Answer = tuple[bool, How]


class AskConsentVerb(Nesting):
    """Ask the caller whether the call may be recorded, in words that are given. Their own answer
    counts, and a no holds for the whole call.
    """

    name: ClassVar[str] = "ask_consent"
    shorthand: ClassVar[str | None] = "say"
    raw_keys: ClassVar[frozenset[str]] = frozenset({"on_refusal"})
    is_tool: ClassVar[bool] = True
    tool_fields: ClassVar[tuple[str, ...] | None] = ()
    say: Urls = Field(
        default=(), description="say:..., files; default: consent_question of privacy"
    )
    yes_keys: str = Field(default="1", pattern=_KEYS)
    no_keys: str = Field(default="2", pattern=_KEYS)
    yes_phrases: tuple[str, ...] = Field(default=(), description="beside the English ones")
    no_phrases: tuple[str, ...] = Field(default=(), description="beside the English ones")
    timeout: float = Field(default=6, gt=0, le=60, description="seconds to the answer")
    attempts: int = Field(default=2, ge=1, le=5, description="times it is asked; then it is a no")
    withdraw_key: str = Field(
        default="", pattern=r"^[0-9*#A-D]?$", description="key that takes a yes back later"
    )
    on_refusal: Block = Field(default=(), description="steps of a caller who does not agree")

    @classmethod
    def blocks(cls, arguments: Mapping[str, Any]) -> Iterator[KeyPath]:
        """`on_refusal`."""
        if "on_refusal" in arguments:
            yield ("on_refusal",)

    async def run(self, control: CallControl) -> Outcome:
        """Ask, unless that was settled in this call."""
        call = control.call
        if call.consent.state is ConsentState.NOT_ASKED:
            question = " ".join(self._question(call)).replace(_SAY, "")
            if control.by == "dialplan":
                yes, how = await self._asked(call)
            elif control.presence is None:
                return Outcome(False, "nobody here can ask the caller", status=403)
            else:
                yes, how = await control.presence.confirm(question), "answer"
            state = ConsentState.GIVEN if yes else ConsentState.REFUSED
            call.consent.say(state, how, question)
            if yes and self.withdraw_key:
                call.spawn(_withdrawn(call, self.withdraw_key))
        if call.consent.state is ConsentState.GIVEN:
            return Outcome(detail="the caller agrees to be recorded")
        outcome = await run_block(control, self.on_refusal) if self.on_refusal else Outcome()
        return Outcome(False, "the caller does not agree to be recorded", flow=outcome.flow)

    def _question(self, call: CallSession) -> Urls:
        return self.say or (_SAY + call.services.privacy.consent_question,)

    async def _asked(self, call: CallSession) -> Answer:
        await answered(call)
        for _ in range(self.attempts):
            async with sound_port(call, "consent") as port:
                answer = await while_caller_stays(call, self._answer(call, port))
            if answer is not None:
                return answer
        return False, "silence"

    async def _answer(self, call: CallSession, port: AudioPort) -> Answer | None:
        """Yes, no, or neither; an answer may come before the question is over."""
        asking = asyncio.ensure_future(play_all(call, port, self._question(call)))
        answers = {
            asyncio.ensure_future(self._by_key(call)),
            asyncio.ensure_future(self._by_voice(call, port)),
        }
        tasks: set[asyncio.Future[Any]] = {asking, *answers}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                asking.result()
                limit = self.timeout
                await asyncio.wait(answers, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            return next((answer.result() for answer in answers if answer.done()), None)
        finally:
            await stopped(*tasks)

    async def _by_key(self, call: CallSession) -> Answer:
        while True:
            key = await call.keys.key()
            if key in self.yes_keys or key in self.no_keys:
                return key in self.yes_keys, "key"

    async def _by_voice(self, call: CallSession, port: AudioPort) -> Answer:
        phrases = (*YES_OR_NO.phrases, *self.yes_phrases, *self.no_phrases)
        try:
            while True:
                heard = await call.services.hearing.hear(
                    port, phrases=phrases, initial_timeout=_LONG, end_timeout=_END_OF_ANSWER
                )
                verdict = None if heard is None else self._verdict(heard)
                if verdict is not None:
                    return verdict, "voice"
        except ProviderError as error:
            call.emit(Warned, code="consent", detail=f"keys only: {error}")
            await asyncio.Event().wait()
            raise

    def _verdict(self, heard: Heard) -> bool | None:
        said = heard.text.strip(" .!,").casefold()
        if said in map(str.casefold, self.no_phrases):
            return False
        yes = said in map(str.casefold, self.yes_phrases) or yes_or_no(said)
        if yes and heard.confidence is not None and heard.confidence < _CERTAIN:
            return None
        return yes


class WithdrawConsentVerb(Verb):
    """Stop recording for the rest of the call, because the caller does not want it."""

    name: ClassVar[str] = "withdraw_consent"
    is_tool: ClassVar[bool] = True
    tool_fields: ClassVar[tuple[str, ...] | None] = ()

    async def run(self, control: CallControl) -> Outcome:
        """End every recording and tap."""
        control.call.consent.say(ConsentState.WITHDRAWN, "request")
        return Outcome(detail="nothing is recorded any more")


async def _withdrawn(call: CallSession, key: str) -> None:
    async for pressed in call.open_keys(call.caller):
        if pressed == key:
            call.consent.say(ConsentState.WITHDRAWN, "key")
            return


CONSENTING: tuple[type[Verb], ...] = (AskConsentVerb, WithdrawConsentVerb)
