"""Understanding: from the end of a turn to its words, and on to the mind."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from sipagent.call.services import SpeechDetector
from sipagent.call.session import CallSession
from sipagent.errors import ProviderError
from sipagent.events import Said, TurnEnded

from .ceding import Ceding
from .conversation import Message
from .failover import Lineup
from .hearing_rules import HearingRules
from .jobs import Answer, Failure, Overheard
from .latency import TurnClock
from .lexicon.known import lexicon
from .listening import HeardTurn
from .mind import Mind
from .prompting import Prompting
from .protocols import Expectation, Forthright, Sound, Transcriber, Transcript
from .sounds import Sounds
from .turns.awaiting import awaiting
from .turns.decisions import EndOfTurn
from .turns.rules import Awaiting
from .yielding.gate import Gate
from .yielding.record import turn_ended_fields

#: voice shorter than this without words is a noise, not something that was not understood
_NOISE_MS = 300


@dataclass(frozen=True, slots=True)
class Senses:
    """What the agent hears with; `expects` is what it expects to hear now, `awaits` what that
    means for the end of a turn.
    """

    vad: SpeechDetector
    ears: Lineup[Transcriber]
    expects: Callable[[], Expectation]
    awaits: Callable[[Expectation], Awaiting] = awaiting

    @property
    def partials(self) -> bool:
        """May words come before a turn is over? True where the ears do not know."""
        try:
            ears = self.ears.organ
        except ProviderError:
            return False  # they cannot be made: their first turn will tell
        return ears.gives_partials if isinstance(ears, Forthright) else True


@dataclass(frozen=True, slots=True)
class EndedTurn:
    """A turn on its way to being understood; `near` is False where it was far fainter than the
    caller's voice.
    """

    began: int
    clock: TurnClock
    heard: HeardTurn | None
    #: a turn that was written, not spoken
    text: str = ""
    near: bool = True


class Understanding:
    """Give it a `mind` before the first turn."""

    mind: Mind

    def __init__(
        self,
        senses: Senses,
        call: CallSession,
        gate: Gate,
        ceding: Ceding,
        prompting: Prompting,
        *,
        sounds: Sounds,
        rules: HearingRules,
    ) -> None:
        self._rules = rules
        self._senses = senses
        self._call = call
        self._gate = gate
        self._ceding = ceding
        self._prompting = prompting
        self._sounds = sounds
        #: not bounded: a person takes half a second a turn, and each of the ears `final_text` at
        #: most, and when they fail twice the talk ends
        self._ended: asyncio.Queue[EndedTurn] = asyncio.Queue()
        self._counts = _Counts()

    @property
    def busy(self) -> bool:
        """True while a turn that ended is not yet understood."""
        return self._counts.waiting > 0

    def ended(self, end: EndOfTurn, began: int, heard: HeardTurn | None, text: str = "") -> None:
        """A turn that began at `began` is over: heard, or typed, or written as `text`."""
        self._counts.turns += 1
        self._counts.waiting += 1
        self._call.emit(TurnEnded, turn=self._counts.turns, **turn_ended_fields(end))
        clock = TurnClock(self._call, self._counts.turns, end)
        self._ended.put_nowait(EndedTurn(began, clock, heard, text, self._gate.was_near))

    async def run(self) -> None:
        """Wait for the text of each turn that ended, in order."""
        while True:
            ended = await self._ended.get()
            try:
                await self._understand(ended)
            finally:
                self._counts.waiting -= 1

    async def _understand(self, ended: EndedTurn) -> None:
        if ended.heard is None:
            known = self._call.for_model
            message = Message("caller", known(ended.text), digits=known(ended.clock.end.digits))
            self._deliver(ended, self._counts.whole(message))
            return
        heard = await ended.heard.final()
        if heard is not None and heard.sound is not None:
            await self._sounded(ended, heard.sound)
        else:
            self._spoken(ended, heard)

    async def _sounded(self, ended: EndedTurn, sound: Sound) -> None:
        """The mind has heard it itself. Words are waited for only where something hangs on them."""
        over = self._over or self.mind.asking.open
        if over or self._gate.turn.speaking or ended.clock.end.voiced_ms < _NOISE_MS:
            text = await self._sounds.early(sound)
            if text is not None or over:
                self._spoken(ended, Transcript(text or "", final=True, sound=sound))
                return
        self._deliver(ended, self._counts.whole(Message("caller", sounds=(sound.name,))))
        self._sounds.later(sound, lambda text: self._said(ended, text, None))

    @property
    def _over(self) -> bool:
        """True while the agent speaks or thinks."""
        return self._ceding.holding().speaking or self.mind.holds_floor

    def _spoken(self, ended: EndedTurn, heard: Transcript | None) -> None:
        ended.clock.reached("final_text")
        ended.clock.served_by("ears", self._senses.ears.current)
        if heard is None:
            ended.clock.record("failed")
            self.mind.tell(Failure())
            return
        text = self._rules.reworded(heard.text.strip())
        if text:
            self._said(ended, text, heard.confidence)
        sounds = (heard.sound.name,) if heard.sound is not None and text else ()
        said = Message(
            "caller", self._call.for_model(text), confidence=heard.confidence, sounds=sounds
        )
        message = self._counts.whole(said)
        if not message.text or self._rules.somebody_else(ended.near):
            self._nothing(ended)
        elif self._gate.caller_speaks:
            # the pause was for breath: what comes belongs to it
            self._counts.carried = message
        elif not self._ceding.understood(message.text, ended.began):
            self._deliver(ended, message)

    def _said(self, ended: EndedTurn, text: str, confidence: float | None) -> None:
        self._call.emit(
            Said,
            speaker="caller",
            text=text,
            start=ended.began,
            end=ended.clock.end.speech_end,
            confidence=confidence,
        )

    def _nothing(self, ended: EndedTurn) -> None:
        """Voice without words."""
        busy = self._ceding.holding().speaking or self.mind.busy or self._gate.turn.speaking
        if ended.clock.end.voiced_ms >= _NOISE_MS and ended.near and not busy:
            self._prompting.not_understood()

    def _deliver(self, ended: EndedTurn, message: Message) -> None:
        words = lexicon(self._senses.expects().language)
        self._prompting.answered(hold_on=words.asks_to_wait(message.text))
        if self.mind.asking.answers(ended.began):
            self.mind.asking.answer(message)
        elif self._rules.concerns(message):
            self.mind.tell(Answer(message, ended.clock))
        else:
            ended.clock.record("silent")
            self.mind.tell(Overheard(message))


@dataclass(slots=True)
class _Counts:
    """Turns so far and those that wait; words that are kept for what follows them."""

    turns: int = 0
    waiting: int = 0
    carried: Message | None = None

    def whole(self, message: Message) -> Message:
        """The words kept, if any, then those of `message`."""
        kept, self.carried = self.carried, None
        if kept is None:
            return message
        confidence = kept.confidence if message.confidence is None else message.confidence
        text, sounds = f"{kept.text} {message.text}".strip(), kept.sounds + message.sounds
        return replace(message, text=text, confidence=confidence, sounds=sounds)
