"""The gate: frames in, decisions out; our own voice, the room behind the caller, and the caller."""

import random
from collections.abc import Sequence

import numpy as np

from sipagent.agent.turns.decisions import EndOfTurn, SpeechOnset, Withdrawn
from sipagent.agent.turns.machine import TurnMachine
from sipagent.agent.turns.rules import TurnRules
from sipagent.agent.yielding.bargein import GiveWay, YieldRules
from sipagent.agent.yielding.gate import Decision, Gate, Holding
from sipagent.media.frames import Frame
from sipagent.testing.legs import tone
from sipagent.testing.organs import LoudnessVad
from sipagent.testing.voice import speak

SPEAKING = Holding(speaking=True, by_voice=True, by_key=True)
SILENT = Holding()
FRAME = 320


def pieces(pcm: bytes) -> list[bytes]:
    return [pcm[at : at + FRAME].ljust(FRAME, b"\0") for at in range(0, len(pcm), FRAME)]


class Line:
    """A gate and what passes through it; `ours` comes back after `lag` frames, `gain` as loud."""

    def __init__(self, ours: bytes = b"", *, lag: int = 7, gain: float = 0.3) -> None:
        self.gate = Gate(LoudnessVad(500), 8000, TurnRules(), YieldRules())
        self.decided: list[Decision] = []
        self._ours = pieces(ours)
        self._lag, self._gain = lag, gain
        self._played: list[Frame] = []
        self._t = 0

    def hear(self, theirs: bytes, holding: Holding = SPEAKING) -> list[Decision]:
        """What is decided while the caller says this; the agent plays on unless it is paused."""
        decided: list[Decision] = []
        for piece in pieces(theirs):
            if self._ours and not self.gate.barge.paused:
                self._played.append(Frame(self._ours.pop(0), self._t))
            then = next((f for f in self._played if f.t == self._t - 20 * self._lag), None)
            heard = piece if then is None else _louder_of(piece, then.pcm, self._gain)
            decided += self.gate.frame(Frame(heard, self._t), self._played[-50:], holding)
            self._t += 20
        self.decided += decided
        return decided

    @property
    def now(self) -> int:
        """Media-clock ms."""
        return self._t

    @property
    def ways(self) -> list[str]:
        return [way.decision for way in self.decided if isinstance(way, GiveWay)]


def _louder_of(theirs: bytes, echo: bytes, gain: float) -> bytes:
    mixed = np.frombuffer(theirs, "<i2") + np.frombuffer(echo, "<i2") * gain
    return bytes(np.clip(mixed, -32_768, 32_767).astype("<i2").tobytes())


def quiet(ms: int) -> bytes:
    return bytes(16 * ms)


OURS = speak("On day one we saw hedgehogs in the garden, and two of them were asleep. " * 2)


def test_our_own_voice_coming_back_is_no_turn_and_is_told_of_once() -> None:
    line = Line(OURS)
    line.hear(quiet(4000))
    assert line.ways in (["ignored"], ["paused", "resumed"])
    assert not any(isinstance(decision, EndOfTurn) for decision in line.decided)


def test_a_pause_at_our_own_echo_is_taken_back_and_so_is_the_turn() -> None:
    line = Line(OURS)
    line.hear(quiet(4000))
    if "paused" in line.ways:
        assert line.ways[:2] == ["paused", "resumed"]
        assert any(isinstance(decision, Withdrawn) for decision in line.decided)
    assert line.gate.turn.began is None


def test_a_caller_is_heard_over_our_echo() -> None:
    line = Line(OURS)
    line.hear(quiet(2000))
    before = len(line.decided)
    line.hear(speak("Stop please I have a question", "en-us+m3"))
    after = [way.decision for way in line.decided[before:] if isinstance(way, GiveWay)]
    assert after[:2] == ["paused", "stopped"]


def test_a_voice_behind_the_caller_does_not_keep_the_turn_open() -> None:
    line = Line()
    line.hear(tone(600, level=8000), SILENT)
    decided = line.hear(tone(1000, level=600), SILENT)
    [end] = [d for d in decided if isinstance(d, EndOfTurn)]
    assert end.speech_end - 600 in range(0, 101)


def test_a_caller_who_speaks_up_over_the_room_is_an_onset() -> None:
    line = Line()
    line.hear(tone(600, level=700), SILENT)
    decided = line.hear(tone(200, level=8000))
    assert [d.decision for d in decided if isinstance(d, GiveWay)] == ["paused"]
    assert not any(isinstance(d, SpeechOnset) for d in decided)


def test_what_nobody_may_interrupt_is_not_paused_and_the_caller_is_heard() -> None:
    line = Line()
    line.hear(tone(1000), Holding(speaking=True))
    decided = line.hear(quiet(600), Holding(speaking=True))
    assert line.ways == []
    assert any(isinstance(decision, EndOfTurn) for decision in decided)


def test_a_key_stops_only_what_keys_may_stop() -> None:
    line = Line()
    assert [type(d).__name__ for d in line.gate.key(0, "1", Holding(speaking=True))] == [
        "KeyPressed"
    ]
    ways = [d for d in line.gate.key(20, "2", SPEAKING) if isinstance(d, GiveWay)]
    assert [way.why for way in ways] == ["key"]


def test_an_agent_that_was_paused_is_told_of_the_end_though_it_holds_nothing_more() -> None:
    line = Line()
    line.hear(tone(200))
    line.hear(tone(100), SILENT)
    way = line.gate.words("stop it")
    assert way is not None and way.decision == "stopped"


def test_a_key_that_may_stop_nothing_ends_the_voice_and_so_the_pause() -> None:
    line = Line()
    line.hear(tone(200))
    decided = line.gate.key(line.now, "1", SILENT)
    assert [d.decision for d in decided if isinstance(d, GiveWay)] == ["resumed"]
    assert not line.gate.barge.paused
    line.hear(tone(200))
    assert line.ways == ["paused", "paused"]


def test_a_voice_far_fainter_than_the_callers_is_not_waited_for() -> None:
    line = Line()
    line.hear(tone(600, level=9000), SILENT)
    line.hear(quiet(1000), SILENT)
    line.hear(tone(400, level=600), SILENT)
    assert line.gate.turn.speaking and not line.gate.caller_speaks


class Restless(TurnMachine):
    """A machine that is asked about every frame."""

    def at_rest(self, probability: float) -> bool:
        """Never."""
        return False


def rounds(dice: random.Random) -> Sequence[tuple[bytes, Holding]]:
    """Who speaks for how long, again and again: some are coughs, some are turns."""
    loudness = (0, 0, 0, 300, 2000, 6000)
    sounds = [tone(20 * dice.randint(1, 60), level=dice.choice(loudness)) for _ in range(40)]
    return [(sound, dice.choice((SPEAKING, SILENT))) for sound in sounds]


def test_frames_at_rest_are_passed_over_and_every_decision_is_the_same() -> None:
    kinds: set[type[Decision]] = set()
    for seed in range(4):
        usual, restless = Line(OURS * 40), Line(OURS * 40)
        restless.gate.turn = Restless(TurnRules())
        for theirs, holding in rounds(random.Random(seed)):
            assert usual.hear(theirs, holding) == restless.hear(theirs, holding)
        kinds |= {type(one) for one in usual.decided}
    assert kinds >= {SpeechOnset, EndOfTurn, GiveWay}
