"""Answering-machine detection on recorded human speech, with the real voice activity detector."""

import wave
from collections import Counter
from pathlib import Path

import pytest

from sipagent.media.answering import AnswerWatch
from sipagent.media.pitch import PitchWatch
from sipagent.providers.silero import Silero
from sipagent.testing.audio import decode, encode, silence
from sipagent.testing.prompts import PROMPT_FOLDER, framed

pytestmark = pytest.mark.skipif(
    not PROMPT_FOLDER.is_dir(), reason="asterisk-core-sounds-en-wav is absent"
)
#: sounds that are no speech, and silences of the length in their names
NO_SPEECH = {"ascending-2tone", "beep", "beeperr", "confbridge-join", "confbridge-leave",
             "descending-2tone", "tt-monkeys", *map(str, range(11))}  # fmt: skip


def recorded(shortest: float, longest: float, every: int) -> list[bytes]:
    """Speech of such a length in seconds, as it comes over the line."""
    found = []
    for path in sorted(PROMPT_FOLDER.rglob("*.wav")):
        with wave.open(str(path)) as file:
            seconds = file.getnframes() / file.getframerate()
            if path.stem not in NO_SPEECH and shortest <= seconds <= longest:
                found.append(file.readframes(file.getnframes()))
    return [decode("PCMU", encode("PCMU", pcm)) for pcm in found[::every]]


def who(silero: Silero, greeting: bytes) -> str:
    watch, detector = AnswerWatch(8000), silero.detector(8000)
    for frame in framed(silence(0.5) + greeting + silence(2.0), 8000):
        watch.frame(frame, detector.probability(frame))
        if watch.finding is not None:
            return watch.finding.answered
    return ""


def test_short_answers_are_persons_and_long_ones_machines(silero: Silero) -> None:
    persons = Counter(who(silero, pcm) for pcm in recorded(0.4, 1.2, every=5))
    machines = Counter(who(silero, pcm) for pcm in recorded(3.0, 30.0, every=4))
    assert persons["human"] >= 0.95 * persons.total() > 40
    assert machines["machine"] >= 0.95 * machines.total() > 25


def test_nothing_anybody_says_is_a_beep() -> None:
    beeps = 0
    for pcm in recorded(0.4, 30.0, every=6):
        watch = PitchWatch(8000)
        tones = [tone for frame in framed(pcm, 8000) if (tone := watch.frame(frame))]
        beeps += any(tone.ms >= 100 and 400 <= tone.hertz <= 2000 for tone in tones)
    assert beeps == 0


def test_the_beep_of_an_exchange_is_one() -> None:
    watch, best = PitchWatch(8000), 0
    with wave.open(str(Path(PROMPT_FOLDER / "beep.wav"))) as file:
        pcm = file.readframes(file.getnframes())
    for frame in framed(pcm, 8000):
        tone = watch.frame(frame)
        best = max(best, tone.ms if tone else 0)
    assert best >= 300
