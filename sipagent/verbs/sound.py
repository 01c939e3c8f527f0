"""Verbs the caller hears, or answers with keys and voice."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from sipagent.call.control import CallControl
from sipagent.call.keypad import Keypad
from sipagent.call.services import Heard
from sipagent.call.session import CallSession
from sipagent.call.verb import Outcome, Verb
from sipagent.errors import CallError, ProviderError
from sipagent.media.port import AudioPort
from sipagent.tasks import stopped

from .blocks import Urls
from .flow import remember
from .playing import play_all, sound_port
from .statuses import Status
from .waiting import CallerGone, answered, audible, while_caller_stays

#: longer than any prompt lasts: the ears wait for its end, not for a clock of their own
_PATIENCE = 3_600.0


class _Sounding(Verb):
    """What everything that plays has in common."""

    volume: float = Field(default=0.0, ge=-40, le=40, description="dB")
    say_voice: str | None = Field(default=None, description="voice of say: URLs")
    say_language: str = Field(default="", description="BCP 47 tag, where say_voice is not known")
    say_gender: Literal["", "male", "female"] = Field(
        default="", description="where say_voice is not known"
    )
    status_url: str | None = Field(default=None, description="told how it goes")

    def _played(
        self, call: CallSession, port: AudioPort, urls: Sequence[str]
    ) -> Coroutine[Any, Any, None]:
        return play_all(
            call,
            port,
            urls,
            voice=self.say_voice,
            volume=self.volume,
            language=self.say_language,
            gender=self.say_gender,
        )


class PlayVerb(_Sounding):
    """Play files, speech (`say:`), ringing (`ring:us`) or silence (`silence:2`)."""

    name: ClassVar[str] = "play"
    shorthand: ClassVar[str | None] = "url"
    url: str | None = None
    urls: tuple[str, ...] = Field(default=(), description="one after the other")
    auto_answer: bool = Field(default=True, description="answer the caller first")
    control_id: str = Field(
        default="", max_length=64, description="by which it is paused and resumed from outside"
    )

    @model_validator(mode="after")
    def _one_form(self) -> "PlayVerb":
        if bool(self.url) == bool(self.urls):
            raise ValueError("needs exactly one of url and urls")
        return self

    async def run(self, control: CallControl) -> Outcome:
        """Play to the end, or until the caller hangs up."""
        call = control.call
        await (answered(call) if self.auto_answer else audible(call))
        urls = (self.url,) if self.url else self.urls
        number = self.control_id or call.posts.number("play")
        about = {"control_id": number}
        told = Status(call, self.status_url, "calling.call.play", about)
        told.tell(state="playing")
        try:
            async with sound_port(call, "play") as port:
                call.playing[number] = port
                await while_caller_stays(call, self._played(call, port, urls))
        except CallError as error:
            gone = isinstance(error, CallerGone)
            told.tell(state="finished" if gone else "error")
            remember(call, play_result="hangup" if gone else "failed")
            raise
        finally:
            call.playing.pop(number, None)
        told.tell(state="finished")
        remember(call, play_result="success")
        return Outcome(detail="played")


@dataclass(frozen=True, slots=True)
class _Keys:
    """What was typed; `terminator` is the key that ended it, if one did."""

    digits: str = ""
    terminator: str = ""


async def _keys(keypad: Keypad, limit: int, terminators: str, gap: float, first: str) -> _Keys:
    """Collect from the `first` key on: at most `limit` keys, at most `gap` seconds apart."""
    digits, key = "", first
    while key not in terminators:
        digits += key
        if len(digits) >= limit:
            return _Keys(digits)
        try:
            key = await asyncio.wait_for(keypad.key(), gap)
        except TimeoutError:
            return _Keys(digits)
    return _Keys(digits, key)


class PromptVerb(_Sounding):
    """Play something and take the answer, by keys or by voice.

    Sets prompt_result (match_digits, match_speech, no_match, no_input, failed) and prompt_value.
    """

    name: ClassVar[str] = "prompt"
    play: Urls
    max_digits: int = Field(default=1, ge=1, le=64)
    terminators: str = Field(default="", pattern=r"^[0-9*#A-D]*$")
    digit_timeout: float = Field(default=5, gt=0, le=60, description="seconds between keys")
    initial_timeout: float = Field(default=5, ge=0, le=120, description="seconds after the prompt")
    speech_timeout: float | None = Field(default=None, gt=0, le=120, description="seconds in all")
    speech_end_timeout: float | None = Field(
        default=None, gt=0, le=10, description="seconds of silence that end an answer"
    )
    speech_hints: tuple[str, ...] = Field(default=(), description="what may be said")
    speech_language: str = Field(default="", description="BCP 47 tag")
    speech_engine: str = Field(
        default="", description="ears of sipagent.yaml, by name or kind; else the embedded ones"
    )

    @property
    def listens(self) -> bool:
        """True where an answer by voice is taken: any `speech_*` key asks for it."""
        return any(key.startswith("speech_") for key in self.model_fields_set)

    async def run(self, control: CallControl) -> Outcome:
        """Play, and stop playing when the answer begins."""
        call = control.call
        await answered(call)
        about = {"control_id": call.posts.number("prompt"), "final": True}
        told = Status(call, self.status_url, "calling.call.collect", about)
        try:
            async with sound_port(call, "prompt") as port:
                call.tracks.clean(port)
                answer = await while_caller_stays(call, self._answer(call, port))
        except (CallError, ProviderError) as error:
            remember(call, prompt_result="failed", prompt_value="")
            told.tell(result={"type": "error"})
            return Outcome(False, str(error), status=getattr(error, "status", None))
        result, value, terminator, confidence = "no_input", "", "", None
        if isinstance(answer, _Keys):
            result, value, terminator = "match_digits", answer.digits, answer.terminator
        elif answer is not None and not answer.text:
            result = "no_match"
        elif answer is not None:
            result, value, confidence = "match_speech", answer.text, answer.confidence
        remember(
            call,
            prompt_result=result,
            prompt_value=value,
            prompt_digit_terminator=terminator,
            prompt_speech_confidence=confidence,
        )
        told.tell(result=_told(result, call.kept(value), terminator, confidence))
        data = {"value": value, "terminator": terminator, "confidence": confidence}
        return Outcome(detail=result, data=data)

    async def _answer(self, call: CallSession, port: AudioPort) -> _Keys | Heard | None:
        speaking = asyncio.Event()
        key = asyncio.ensure_future(call.keys.key())
        playing = asyncio.ensure_future(self._played(call, port, self.play))
        voice = asyncio.ensure_future(self._voice(call, port, speaking))
        onset = asyncio.ensure_future(speaking.wait())
        begins = {key, onset, voice} if self.listens else {key}
        try:
            await asyncio.wait({playing, *begins}, return_when=asyncio.FIRST_COMPLETED)
            if playing.done():
                playing.result()
                await asyncio.wait(
                    begins, timeout=self.initial_timeout, return_when=asyncio.FIRST_COMPLETED
                )
            await stopped(playing)
            port.clear()
            if onset.done() and not key.done():
                limit = self.speech_timeout or 60.0
                await asyncio.wait({key, voice}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if key.done():
                return await _keys(
                    call.keys, self.max_digits, self.terminators, self.digit_timeout, key.result()
                )
            if self.listens and voice.done():
                return voice.result() or Heard("")
            return None
        finally:
            await stopped(key, playing, voice, onset)

    async def _voice(
        self, call: CallSession, port: AudioPort, speaking: asyncio.Event
    ) -> Heard | None:
        if not self.listens:
            return None
        return await call.services.hearing.hear(
            port,
            phrases=self.speech_hints,
            initial_timeout=_PATIENCE,
            end_timeout=self.speech_end_timeout or 0.8,
            on_speech=speaking.set,
            language=self.speech_language,
            engine=self.speech_engine,
        )


def _told(result: str, value: str, terminator: str, confidence: float | None) -> dict[str, Any]:
    """What was answered, as RELAY's collect says it."""
    kind = {"match_digits": "digit", "match_speech": "speech"}.get(result, result)
    if kind == "digit":
        return {"type": kind, "params": {"digits": value, "terminator": terminator}}
    if kind == "speech":
        # percent, as there
        heard = None if confidence is None else round(100 * confidence)
        return {"type": kind, "params": {"text": value, "confidence": heard}}
    return {"type": kind}


class CollectDigitsVerb(Verb):
    """Let the caller type a number on the keypad, after you have told them what to type. Not for
    card numbers, PINs and other secrets.
    """

    name: ClassVar[str] = "collect_digits"
    shorthand: ClassVar[str | None] = "max_digits"
    is_tool: ClassVar[bool] = True
    after_speech: ClassVar[bool] = True
    tool_fields: ClassVar[tuple[str, ...] | None] = ("max_digits",)
    tool_extras: ClassVar[tuple[str, ...]] = (
        "terminators", "digit_timeout", "initial_timeout", "variable",
    )  # fmt: skip
    max_digits: int = Field(default=20, ge=1, le=64, description="how many keys at most")
    terminators: str = Field(default="#", pattern=r"^[0-9*#A-D]*$", description="keys that end it")
    digit_timeout: float = Field(default=5, gt=0, le=60, description="seconds between keys")
    initial_timeout: float = Field(default=10, gt=0, le=120, description="seconds to the first key")
    variable: str = Field(default="digits", pattern=r"^[A-Za-z_]\w*$", description="kept there")

    async def run(self, control: CallControl) -> Outcome:
        """Take the keys away from everybody else meanwhile."""
        call = control.call
        others, call.keys = call.keys, Keypad()
        try:
            typed = await while_caller_stays(call, self._typed(call.keys))
        finally:
            call.keys = others
        remember(call, **{self.variable: typed.digits})
        if not typed.digits:
            return Outcome(False, "the caller typed nothing")
        count = len(typed.digits)
        detail = f"the caller typed {count} key{'s' * (count > 1)}"
        return Outcome(detail=detail, data={"digits": typed.digits})

    async def _typed(self, keypad: Keypad) -> _Keys:
        try:
            first = await asyncio.wait_for(keypad.key(), self.initial_timeout)
        except TimeoutError:
            return _Keys()
        return await _keys(keypad, self.max_digits, self.terminators, self.digit_timeout, first)


SOUND: tuple[type[Verb], ...] = (
    PlayVerb,
    PromptVerb,
    CollectDigitsVerb,
)
