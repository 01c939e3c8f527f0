"""Floor: who speaks. Every frame goes through here: voice, turns, keys, giving way, silence."""

from dataclasses import dataclass
from functools import partial

from sipagent.call.session import CallSession
from sipagent.events import SpeechEnded, SpeechStarted
from sipagent.media.ear import AT_ONCE, Patience
from sipagent.media.frames import FRAME_MS, Frame

from .answers import yes_or_no_expected
from .ceding import Ceding
from .hearing_rules import HearingRules
from .interim import Interims
from .limits import Limits
from .listening import Listener
from .mind import Mind
from .playout import Playout
from .prompting import Prompting
from .protocols import Expectation, Transcript
from .sounds import Sounds
from .speaking.speaker import Speaker
from .spec import AgentSpec
from .turns.decisions import EndOfTurn, KeyPressed, SpeechOffset, SpeechOnset, Withdrawn
from .turns.machine import TurnMachine
from .turns.rules import TurnRules
from .understanding import Senses, Understanding
from .yielding.bargein import GiveWay
from .yielding.gate import Decision, Gate, Holding

#: while nobody speaks or types a tenth of a second may pass before the frames are looked at, unless
#: one of them is louder than any line's own noise (-46 dBFS): it is the wake-ups that cost
_CALM = Patience(5, quiet=160)
#: the same while the caller speaks and nobody else does
_FLOWS = Patience(5)
#: frames missing for longer mean that the agent was out of the room
_GAP_MS = 200


class Floor:
    """Thin: the machines decide, the mind answers, this acts. Give it its mind by `follow`."""

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
        hearing: HearingRules,
    ) -> None:
        self._senses = senses
        self._speaker = speaker
        self._call = call
        self._gate = Gate(senses.vad, speaker.port.rate, rules, spec.barge_in.rules)
        self._ceding = Ceding(spec.barge_in, self._gate, speaker, call)
        self._rules = hearing
        self.prompting = Prompting(spec, speaker.manner, outbound=outbound(spec, call))
        self._listener = Listener(senses.ears, limit=limits.final_text)
        sounds = Sounds(call, speaker.conversation, limits.final_text)
        self._understanding = Understanding(
            senses,
            call,
            self._gate,
            self._ceding,
            self.prompting,
            sounds=sounds,
            rules=self._rules,
        )
        self._playout = Playout(speaker, call, spec.fallback)
        self._interims = Interims(call, "caller")
        self._state = _State()
        self._confidence = _Confidence(spec.turn.confidence, spec.barge_in.confidence)

    @property
    def turns(self) -> TurnMachine:
        """Whose rules may be changed between two frames."""
        return self._gate.turn

    def trust(self, confidence: float | None, barge: float | None) -> None:
        """Words of less confidence (0..1) are a guess, or do not stop the agent."""
        before = self._confidence
        self._confidence = _Confidence(
            before.turn if confidence is None else confidence,
            before.barge_in if barge is None else barge,
        )

    def follow(self, mind: Mind) -> None:
        """Whose speech it is that is given up, and who is told what the caller says."""
        self.mind = self._ceding.mind = self.prompting.mind = mind
        self._understanding.mind = self._playout.mind = mind

    def caller_busy(self) -> bool:
        """True while the caller speaks, types, is not yet understood, or is on hold."""
        return self._gate.turn.open or self._understanding.busy or self._state.held

    def listens(self) -> bool:
        """True while the caller is there, says nothing, and is asked nothing."""
        return self._present() and not self.caller_busy() and not self.mind.asking.open

    async def listen(self) -> None:
        """Hear every frame until the port is closed."""
        port = self._speaker.port
        self._call.keys.on_press = self._call.texts.on_text = port.wake
        try:
            async for frames in port.batches():
                if self._call.caller.on_hold != self._state.held:
                    self._hold(not self._state.held)
                for frame in frames:
                    if self._present():
                        # a key is of now: it must not count from a frame that has waited since
                        # before a question
                        self._frame(frame, newest=frame is frames[-1] and port.caught_up)
                port.patience = self._patience
        finally:
            # whoever listens next has rules of their own
            port.patience = AT_ONCE

    @property
    def _patience(self) -> Patience:
        if self._gate.calm:
            return _CALM
        return _FLOWS if self._gate.flows else AT_ONCE

    async def understand(self) -> None:
        """See `Understanding.run`."""
        await self._understanding.run()

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

    def _frame(self, frame: Frame, *, newest: bool) -> None:
        if frame.t - self._state.last_t > _GAP_MS:
            self._came_back()
        self._state.last_t = frame.t
        self._listener.frame(frame)
        holding = self._ceding.holding()
        if newest:
            self._typed(frame.t, holding)
        self._act(self._gate.frame(frame, self._speaker.port.recent, holding))
        busy = self.caller_busy() or self.mind.busy or self._speaker.active
        self.prompting.frame(
            self._state.quiet(frame.t, self._call.bridge.clock.t, busy=busy)
            and self._rules.wake.awake
        )
        self._playout.frame()

    def _typed(self, t: int, holding: Holding) -> None:
        """Keys and texts that nobody has used yet."""
        while not self.mind.in_tool and (key := self._call.keys.take()) is not None:
            self._gate.turn.keys = self._expected().keys
            self._act(self._gate.key(t, key, holding))
        while not self.mind.in_tool and (text := self._call.texts.take()) is not None:
            self._wrote(t, text)

    def _expected(self) -> Expectation:
        expected = self._senses.expects()
        if self.mind.asking.open:
            return self.mind.asking.expected or yes_or_no_expected(expected.language)
        return expected

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
                    self._ceding.act(decision, self._state.began)

    def _onset(self, onset: SpeechOnset) -> None:
        if onset.first:
            self._state.began = onset.t
            expected = self._expected()
            self._gate.expect(self._senses.awaits(expected), partials=self._senses.partials)
            self._listener.open(expected, partial(self._partial, onset.t))

    def _partial(self, turn: int, heard: Transcript) -> None:
        """Words of the turn that began at `turn`; a mere guess changes nothing."""
        self._interims.tell(heard.text, turn)
        sure = 1.0 if heard.confidence is None else heard.confidence
        if (
            sure >= self._confidence.turn
            and turn == self._state.began
            and self._gate.turn.began is not None
        ):
            certain = sure >= self._confidence.barge_in
            way = self._gate.words(heard.text, complete=heard.complete, certain=certain)
            self._ceding.act(way, turn)

    def _key(self, pressed: KeyPressed) -> None:
        self._listener.drop()
        self.prompting.answered()
        if pressed.first:
            self._state.began = pressed.t

    def _wrote(self, t: int, text: str) -> None:
        """A text is a turn of its own."""
        self.prompting.answered()
        self._state.began = t
        self._ceding.wrote(t)
        end = EndOfTurn(t, "text", t, rule="text", evidence="a text message")
        self._understanding.ended(end, t, None, text)

    def _end(self, end: EndOfTurn) -> None:
        heard = None if end.reason == "keys" else self._listener.end()
        self._understanding.ended(end, self._state.began, heard)


def outbound(spec: AgentSpec, call: CallSession) -> bool:
    """Did we call them?"""
    told = call.scope.get("call")
    known = told.get("direction") if isinstance(told, dict) else None
    return (spec.direction or known) == "outbound"


@dataclass(frozen=True, slots=True)
class _Confidence:
    """Of a partial: what counts for the end of a turn, and for stopping the agent."""

    turn: float
    barge_in: float


@dataclass(slots=True)
class _State:
    """What the floor remembers from one frame to the next."""

    last_t: int = 0
    held: bool = False
    began: int = 0
    quiet_from: int | None = None

    def quiet(self, t: int, now: int, *, busy: bool) -> bool:
        """Was nobody busy in the frame of `t`, which is looked at only `now`? What was so in
        between is not known: it counts from the first look on.
        """
        if busy:
            self.quiet_from = None
        elif self.quiet_from is None:
            self.quiet_from = now - FRAME_MS
        return self.quiet_from is not None and t >= self.quiet_from
