"""Floor: who speaks. Every frame goes through here: voice, turns, keys, giving way, silence."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from sipagent.call.services import SpeechDetector, TalkEnd
from sipagent.call.session import CallSession
from sipagent.events import BargeIn, Said, SpeechEnded, SpeechStarted, TurnEnded, Warned
from sipagent.media.frames import Frame

from .answers import yes_or_no_expected
from .conversation import Message
from .failover import Lineup
from .latency import TurnClock
from .lexicon.known import lexicon
from .limits import Limits
from .listening import HeardTurn, Listener
from .mind import Answer, Failure, Leave, Mind, Speak
from .protocols import Expectation, Sound, Transcriber, Transcript
from .sounds import Sounds
from .speaking.speaker import Speaker
from .spec import AgentSpec
from .turns.awaiting import awaiting
from .turns.decisions import EndOfTurn, KeyPressed, SpeechOffset, SpeechOnset, Withdrawn
from .turns.rules import Awaiting, TurnRules
from .turns.silence import SilenceWatch, StuckWatch
from .yielding.bargein import GiveWay
from .yielding.gate import Decision, Gate, Holding
from .yielding.record import barge_in_fields, turn_ended_fields

#: frames missing for longer mean that the agent was out of the room
_GAP_MS = 200
#: voice shorter than this without words is a noise, not something that was not understood
_NOISE_MS = 300
_STUCK_MS = 2000
#: a partial of less confidence is a guess
_SURE = 0.5


@dataclass(frozen=True, slots=True)
class Senses:
    """What the agent hears with; `expects` is what it expects to hear now, `awaits` what that
    means for the end of a turn.
    """

    vad: SpeechDetector
    ears: Lineup[Transcriber]
    expects: Callable[[], Expectation]
    awaits: Callable[[Expectation], Awaiting] = awaiting


@dataclass(frozen=True, slots=True)
class EndedTurn:
    """A turn on its way to being understood."""

    began: int
    clock: TurnClock
    heard: HeardTurn | None
    #: a turn that was written, not spoken
    text: str = ""


class Floor:
    """Thin: the machines decide, the mind answers, this acts."""

    mind: Mind

    def __init__(
        self,
        spec: AgentSpec,
        senses: Senses,
        speaker: Speaker,
        call: CallSession,
        *,
        rules: TurnRules,
        limits: Limits,
    ) -> None:
        self._spec = spec
        self._senses = senses
        self._speaker = speaker
        self._call = call
        self._gate = Gate(senses.vad, speaker.port.rate, rules, spec.barge_in.rules)
        self._silence = SilenceWatch(
            spec.silence_seconds, spec.silence_limit, hold_on=spec.hold_on_seconds
        )
        self._listener = Listener(senses.ears, limit=limits.final_text)
        #: not bounded: a person takes half a second a turn, and each of the ears `final_text` at
        #: most, and when they fail twice the talk ends
        self._ended: asyncio.Queue[EndedTurn] = asyncio.Queue()
        self._stuck = StuckWatch(_STUCK_MS)
        self._sounds = Sounds(call, speaker.conversation, limits.final_text)
        self._state = _State()

    def caller_busy(self) -> bool:
        """True while the caller speaks, types, is not yet understood, or is on hold."""
        return self._gate.turn.open or self._state.understanding > 0 or self._state.held

    def listens(self) -> bool:
        """True while the caller is there, says nothing, and is asked nothing."""
        return self._present() and not self.caller_busy() and not self.mind.asking

    async def listen(self) -> None:
        """Hear every frame until the port is closed."""
        async for frame in self._speaker.port.frames():
            if self._call.caller.on_hold != self._state.held:
                self._hold(not self._state.held)
            if self._present():
                self._frame(frame)

    async def understand(self) -> None:
        """Wait for the text of each turn that ended, in order."""
        while True:
            ended = await self._ended.get()
            try:
                if ended.heard is None:
                    self._typed(ended)
                else:
                    heard = await ended.heard.final()
                    if heard is not None and heard.sound is not None:
                        await self._sounded(ended, heard.sound)
                    else:
                        self._spoken(ended, heard)
            finally:
                self._state.understanding -= 1

    async def close(self) -> None:
        """Hear no more, and leave nothing running."""
        await self._listener.close()

    def _present(self) -> bool:
        """False while the agent was taken aside or the caller is on hold: nothing counts then."""
        call, port = self._call, self._speaker.port
        aside = call.agent is port and port not in call.room.members
        return not aside and not self._state.held

    def _hold(self, held: bool) -> None:
        """The caller went on hold, or is back: nobody hears what is said meanwhile, and what
        comes from there (music, perhaps) is not meant for us.
        """
        self._state.held = held
        self._came_back()
        self._speaker.hold(held)

    def _frame(self, frame: Frame) -> None:
        if frame.t - self._state.last_t > _GAP_MS:
            self._came_back()
        self._state.last_t = frame.t
        self._listener.frame(frame)
        holding = self._holding()
        while not self.mind.in_tool and (key := self._call.keys.take()) is not None:
            self._gate.turn.keys = self._expected().keys
            self._act(self._gate.key(frame.t, key, holding))
        while not self.mind.in_tool and (text := self._call.texts.take()) is not None:
            self._wrote(frame.t, text)
        self._act(self._gate.frame(frame, self._speaker.port.recent, holding))
        quiet = not (self.caller_busy() or self.mind.busy or self._speaker.active)
        prompts = self._spec.silence_prompt
        place = min(self._silence.asked, len(prompts) - 1)
        self._ask(self._silence.frame(quiet), prompts[place])
        port = self._speaker.port
        if self._stuck.frame(waits=not port.idle and not port.paused, played=port.played):
            self._not_played()

    def _not_played(self) -> None:
        """We speak and nobody hears it: join the bridge anew and say it again, once."""
        detail = f"speech is queued and was not played for {_STUCK_MS} ms"
        self._call.emit(Warned, code="speech_not_played", detail=detail)
        unheard = self._speaker.stop_unheard()
        self.mind.interrupt()
        self._state.stuck += 1
        if self._state.stuck > 1:
            self.mind.tell(Leave(TalkEnd("failed", self._spec.fallback)))
            return
        room, port = self._call.room, self._speaker.port
        room.leave(port)
        room.join(port)
        if unheard:
            self.mind.tell(Speak(unheard))

    def _expected(self) -> Expectation:
        expected = self._senses.expects()
        if self.mind.asking:
            return yes_or_no_expected(expected.language)
        return expected

    def _holding(self) -> Holding:
        spec, active = self._spec.barge_in, self._speaker.active
        may = spec.enabled and (active or self.mind.holds_floor) and self._speaker.interruptible
        return Holding(active, may and spec.by_voice, may, self.mind.asking)

    def _came_back(self) -> None:
        self._listener.forget()
        if self._gate.reset():
            self._speaker.resume()

    def _act(self, decisions: list[Decision]) -> None:
        for decision in decisions:
            match decision:
                case SpeechOnset():
                    self._call.emit(SpeechStarted, speaker="caller", t=decision.t)
                    self._onset(decision)
                case SpeechOffset():
                    self._call.emit(SpeechEnded, speaker="caller", t=decision.t)
                case Withdrawn():
                    self._listener.drop()
                case KeyPressed():
                    self._key(decision)
                case EndOfTurn():
                    self._end(decision)
                case GiveWay():
                    self._give_way(decision)

    def _onset(self, onset: SpeechOnset) -> None:
        if onset.first:
            self._state.began = onset.t
            expected = self._expected()
            self._gate.expect(self._senses.awaits(expected))
            self._listener.open(expected, partial(self._partial, onset.t))

    def _partial(self, turn: int, heard: Transcript) -> None:
        """Words of the turn that began at `turn`; a mere guess changes nothing."""
        sure = heard.confidence is None or heard.confidence >= _SURE
        if sure and turn == self._state.began and self._gate.turn.began is not None:
            self._give_way(self._gate.words(heard.text, complete=heard.complete))

    def _key(self, pressed: KeyPressed) -> None:
        self._listener.drop()
        self._silence.answered()
        if pressed.first:
            self._state.began = pressed.t

    def _wrote(self, t: int, text: str) -> None:
        """A text is a turn of its own, and stops what is being said, as a key does."""
        self._silence.answered()
        self._state.began = t
        if self._holding().by_key:
            self._give_way(self._gate.barge.key())
        end = EndOfTurn(t, "text", t, rule="text", evidence="a text message")
        self._state.understanding += 1
        self._ended.put_nowait(EndedTurn(t, self._clock(end), None, text))

    def _end(self, end: EndOfTurn) -> None:
        clock = self._clock(end)
        heard = None if end.reason == "keys" else self._listener.end()
        self._state.understanding += 1
        self._ended.put_nowait(EndedTurn(self._state.began, clock, heard))

    def _clock(self, end: EndOfTurn) -> TurnClock:
        self._state.turns += 1
        self._call.emit(TurnEnded, turn=self._state.turns, **turn_ended_fields(end))
        return TurnClock(self._call, self._state.turns, end)

    def _give_way(self, way: GiveWay | None) -> None:
        if way is None:
            return
        if self._speaker.active:
            self._call.emit(BargeIn, played_ms=self._speaker.played_ms, **barge_in_fields(way))
        match way.decision:
            case "paused":
                self._speaker.pause()
            case "resumed":
                self._speaker.resume()
            case "stopped":
                self._speaker.stop()
                if not self.mind.answers(self._state.began):
                    self.mind.interrupt()

    def _typed(self, ended: EndedTurn) -> None:
        known = self._call.for_model
        message = Message("caller", known(ended.text), digits=known(ended.clock.end.digits))
        self._deliver(ended, self._state.whole(message))

    async def _sounded(self, ended: EndedTurn, sound: Sound) -> None:
        """The mind has heard it itself. Words are waited for only where something hangs on them."""
        over = self._speaker.active or self.mind.holds_floor or self.mind.asking
        if over or self._gate.turn.speaking or ended.clock.end.voiced_ms < _NOISE_MS:
            text = await self._sounds.early(sound)
            if text is not None or over:
                self._spoken(ended, Transcript(text or "", final=True, sound=sound))
                return
        self._deliver(ended, self._state.whole(Message("caller", sounds=(sound.name,))))
        self._sounds.later(sound, lambda text: self._said(ended, text, None))

    def _spoken(self, ended: EndedTurn, heard: Transcript | None) -> None:
        ended.clock.reached("final_text")
        ended.clock.served_by("ears", self._senses.ears.current)
        if heard is None:
            ended.clock.record("failed")
            self.mind.tell(Failure())
            return
        text = heard.text.strip()
        if text:
            self._said(ended, text, heard.confidence)
        sounds = (heard.sound.name,) if heard.sound is not None and text else ()
        said = Message(
            "caller", self._call.for_model(text), confidence=heard.confidence, sounds=sounds
        )
        message = self._state.whole(said)
        if not message.text:
            self._nothing(ended)
        elif self._gate.turn.speaking:
            # the pause was for breath: what comes belongs to it
            self._state.carried = message
        elif not self._goes_on_speaking(ended, message.text):
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

    def _goes_on_speaking(self, ended: EndedTurn, text: str) -> bool:
        """The agent went on after a pause; is what was said reason enough to stop it after all?"""
        if self.mind.asking and not self.mind.answers(ended.began):
            # said before the question was heard: it waits its turn
            return False
        if not self._holding().by_voice:
            return False
        way = self._gate.understood(text)
        self._give_way(way)
        return way is None or way.decision == "resumed"

    def _nothing(self, ended: EndedTurn) -> None:
        """Voice without words."""
        busy = self._speaker.active or self.mind.busy or self._gate.turn.speaking
        if ended.clock.end.voiced_ms >= _NOISE_MS and not busy:
            self._ask(self._silence.ask(), self._spec.reprompt)

    def _deliver(self, ended: EndedTurn, message: Message) -> None:
        self._silence.answered()
        if lexicon(self._senses.expects().language).asks_to_wait(message.text):
            self._silence.hold_on()
        if self.mind.answers(ended.began):
            self.mind.answer(message)
        else:
            self.mind.tell(Answer(message, ended.clock))

    def _ask(self, what: str | None, words: str) -> None:
        if what == "ask":
            self.mind.tell(Speak(words))
        elif what == "give_up":
            self.mind.tell(Leave(TalkEnd("silent", self._spec.fallback)))


@dataclass(slots=True)
class _State:
    """What the floor remembers from one frame to the next."""

    last_t: int = 0
    held: bool = False
    began: int = 0
    turns: int = 0
    understanding: int = 0
    #: how often speech was not played
    stuck: int = 0
    carried: Message | None = None

    def whole(self, message: Message) -> Message:
        """The words kept, if any, then those of `message`."""
        kept, self.carried = self.carried, None
        if kept is None:
            return message
        confidence = kept.confidence if message.confidence is None else message.confidence
        text, sounds = f"{kept.text} {message.text}".strip(), kept.sounds + message.sounds
        return replace(message, text=text, confidence=confidence, sounds=sounds)
