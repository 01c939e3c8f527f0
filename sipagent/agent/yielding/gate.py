"""Gate: every frame of the caller becomes decisions: whose turn it is, and who gives way.

It knows no mouth and no mind, so that it serves a cascade and a speech-to-speech model alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sipagent.call.services import SpeechDetector
from sipagent.media.echo import Echo, EchoMeter
from sipagent.media.frames import FRAME_MS, Frame

from ..lexicon.known import lexicon
from ..turns.decisions import EndOfTurn, KeyPressed, SpeechOffset, SpeechOnset, TurnDecision
from ..turns.machine import TurnMachine, TurnState
from ..turns.rules import Awaiting, TurnRules
from .bargein import BargeInMachine, GiveWay, YieldRules
from .evidence import SILENCE_DB, Evidence, Sound, WordDelay, level_db
from .loudness import Loudness
from .noise import NoiseWatch

Decision = TurnDecision | GiveWay

#: probability below which nobody can be speaking, and nothing is compared with what we played
_NOBODY = 0.1


@dataclass(frozen=True, slots=True)
class Holding:
    """What the agent holds in this frame: whether it is `speaking` (or about to), whether the
    caller may take the floor from it by voice or by key (it may be thinking, too), and whether it
    has asked something to which "okay" is an answer.
    """

    speaking: bool = False
    by_voice: bool = False
    by_key: bool = False
    asking: bool = False


NOTHING_HELD = Holding()


class Gate:
    """Feed it every frame, partial and key, and act on what it returns, in order.

    `played` are the newest frames of the agent's port (`AudioPort.recent`); `rate` is Hz.
    """

    def __init__(
        self, vad: SpeechDetector, rate: int, turn: TurnRules, giving_way: YieldRules
    ) -> None:
        self.turn = TurnMachine(turn)
        self.barge = BargeInMachine(giving_way)
        self._vad = vad
        self._echo = EchoMeter(rate)
        self._own = _OwnVoice(turn.onset_ms)
        self._loudness = Loudness()
        self._noise = NoiseWatch() if giving_way.on_noise else None
        self._delay = WordDelay()
        self._partials = True
        self._now = 0
        self._holding = NOTHING_HELD
        self._newest = 0.0
        self._level = _Level()

    def frame(self, frame: Frame, played: Sequence[Frame], holding: Holding) -> list[Decision]:
        """What follows from one more frame."""
        self._holding, self._now = holding, frame.t + FRAME_MS
        self._newest = probability = self._probability(frame)
        voice = probability >= _NOBODY
        echo = self._echo.frame(frame, played, voice=voice)
        if not voice and self._at_rest(probability):
            self._loudness.silent()
            return []
        decisions: list[Decision] = []
        behind = self.turn.began is not None and self._loudness.behind(self._level.of(frame))
        heard = 0.0 if echo.own or behind else probability
        for decision in self.turn.frame(frame.t, heard):
            decisions.append(decision)
            if (way := self._turned(decision)) is not None:
                decisions.append(way)
        sound = self._sound(frame, probability, echo)
        if (way := self._louder(sound)) is not None:
            decisions.append(way)
        if (way := self._noisy(frame, echo)) is not None:
            self.barge.reset()
            decisions.append(way)
        if (way := self.barge.frame(sound)) is not None:
            decisions.append(way)
            if self.barge.own_voice and self.turn.began == way.evidence.onset:
                self._loudness.forget()
                decisions += self.turn.withdraw(frame.t)
        told = way is not None or self.barge.paused or not (holding.by_voice and holding.speaking)
        if (own := self._own.frame(sound, told=told)) is not None:
            decisions.append(own)
        return decisions

    def _at_rest(self, probability: float) -> bool:
        """Can a frame in which nobody speaks change nothing? Most frames of a call are such."""
        return self._noise is None and not self.barge.paused and self.turn.at_rest(probability)

    def _probability(self, frame: Frame) -> float:
        """Of voice; none in what is fainter than the rules say."""
        probability = self._vad.probability(frame.pcm)
        faintest = self.turn.rules.faintest_db
        if faintest is not None and self._level.of(frame) < faintest:
            return 0.0
        return probability

    def _noisy(self, frame: Frame, echo: Echo) -> GiveWay | None:
        if self._noise is None:
            return None
        if echo.own or not (self._holding.by_voice and self._holding.speaking):
            self._noise.forget()
            return None
        return self._noise.frame(self._level.of(frame))

    @property
    def calm(self) -> bool:
        """True where nothing is under way that the next frame could change, unless it is loud."""
        turn = self.turn
        still = turn.state is TurnState.QUIET and not turn.open and not self.barge.paused
        return still and self._newest < _NOBODY

    @property
    def flows(self) -> bool:
        """True while the caller speaks, has nobody to stop, and has not fallen silent: a turn is
        over long after the first frame of silence, so that frame may come a little late.
        """
        free = not (self._holding.by_voice or self._holding.speaking or self.barge.paused)
        return free and self.turn.state is TurnState.SPEAKING

    @property
    def caller_speaks(self) -> bool:
        """True while somebody speaks who is not far fainter than the caller."""
        return self.turn.speaking and self._loudness.near

    @property
    def was_near(self) -> bool:
        """False where the turn that ended last was far fainter than the caller."""
        return self._loudness.was_near

    def expect(self, awaiting: Awaiting, *, partials: bool = True) -> None:
        """What the turn that has just begun is likely to hold, and whether words of it may come
        before it is over.
        """
        self._partials = partials
        self._learn()
        self.turn.expect(awaiting)
        self.barge.lexicon = lexicon(awaiting.language)

    def words(self, text: str, *, complete: bool = False, certain: bool = True) -> GiveWay | None:
        """The newest partial of the caller's turn; one that is not `certain` stops nobody."""
        self._delay.words(self._now, text)
        self._learn()
        self.turn.words(text, complete=complete)
        # an agent that is paused must hear the end of it, whatever it holds by now
        concerned = self.barge.paused or self._holding.by_voice
        return self.barge.words(text) if concerned and certain else None

    def understood(self, text: str) -> GiveWay | None:
        """The whole turn as text, while the agent speaks on or is paused; None where it may go on
        as it does.
        """
        self.barge.answers = self._holding.asking
        return self.barge.late_words(text)

    def key(self, t: int, key: str, holding: Holding) -> list[Decision]:
        """A key was pressed."""
        decisions: list[Decision] = []
        for decision in self.turn.key(t, key):
            decisions.append(decision)
            if isinstance(decision, KeyPressed) and holding.by_key:
                decisions.append(self.barge.key())
            elif isinstance(decision, SpeechOffset) and not holding.by_key:
                way = self.barge.offset(t)
                decisions += [] if way is None else [way]
        return decisions

    def reset(self) -> bool:
        """Forget the turn that runs; True where the agent was paused for it."""
        paused = self.barge.paused
        self._loudness.forget()
        self.turn.reset()
        self.barge.reset()
        return paused

    def _turned(self, decision: TurnDecision) -> GiveWay | None:
        if isinstance(decision, SpeechOnset) and decision.first:
            self._delay.onset(decision.t)
        match decision:
            case SpeechOnset(t=t) if self._holding.by_voice:
                self.barge.answers = self._holding.asking
                return self.barge.onset(t)
            case SpeechOffset(t=t):
                return self.barge.offset(t)
            case EndOfTurn():
                self._delay.over(self._now)
                self._learn()
                self.barge.turn_over()
                self._loudness.settle()
                self.barge.usual_db = self._loudness.usual_db
        return None

    def _learn(self) -> None:
        """What these ears can be expected to give is known better now."""
        self.barge.first_words_ms = self._delay.longest_ms
        self.barge.wordless_ears = self._delay.never or not self._partials

    def _louder(self, sound: Sound) -> GiveWay | None:
        """An onset the turn does not know of, since somebody in the room is speaking already."""
        if not self.turn.speaking:
            self._loudness.silent()
            return None
        rises = sound.voice and self._loudness.rises(sound.level_db)
        if not rises or self.barge.paused or not self._holding.by_voice:
            return None
        self.barge.answers = self._holding.asking
        return self.barge.onset(sound.t)

    def _sound(self, frame: Frame, probability: float, echo: Echo) -> Sound:
        voice = self.turn.speaking and self.turn.voice_end == frame.t + FRAME_MS
        if not voice:
            return Sound(frame.t, probability, voice, echo=echo)
        level = self._level.of(frame)
        if not self._holding.speaking:
            self._loudness.add(level)
        return Sound(frame.t, probability, voice, level, echo)


class _Level:
    """The level of the newest frame, measured when it is first asked for."""

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._db = SILENCE_DB

    def of(self, frame: Frame) -> float:
        """Its level, dBFS."""
        if frame is not self._frame:
            self._frame, self._db = frame, level_db(frame.pcm)
        return self._db


class _OwnVoice:
    """Tells once a stretch that our own voice came back and was not taken for the caller's."""

    def __init__(self, onset_ms: int) -> None:
        self._enough = onset_ms // FRAME_MS
        self._frames = 0
        self._last = 0

    def frame(self, sound: Sound, *, told: bool) -> GiveWay | None:
        """One more frame; `told` where the record says of it already, or need not."""
        if sound.t - self._last > _STRETCH_MS:
            self._frames = 0
        if not sound.echo.own:
            return None
        self._last = sound.t
        self._frames = self._enough if told else self._frames + 1
        if told or self._frames != self._enough:
            return None
        echo = sound.echo
        evidence = Evidence(
            onset=sound.t, probability=sound.probability, echo=round(echo.correlation, 2),
            lag_ms=echo.lag_ms,
        )  # fmt: skip
        return GiveWay("ignored", f"our own echo after {echo.lag_ms} ms", evidence=evidence)


#: our own voice is told of again after so long without it
_STRETCH_MS = 1000
