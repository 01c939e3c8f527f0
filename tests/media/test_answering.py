"""Who answered: voices of two lengths, beeps and fax tones, made and recorded ones."""

import numpy as np
import pytest

from sipagent.media.answering import AnswerRules, AnswerWatch
from sipagent.media.frames import frame_bytes
from sipagent.media.pitch import PitchWatch
from sipagent.testing.audio import decode, encode, silence, speech_like

SIZE = frame_bytes(8000)


def beep(hertz: float, seconds: float, level: float = 5000) -> bytes:
    time = np.arange(round(seconds * 8000)) / 8000
    return (np.sin(2 * np.pi * hertz * time) * level).astype("<i2").tobytes()


def on_the_line(pcm: bytes) -> bytes:
    return decode("PCMU", encode("PCMU", pcm))


def frames(pcm: bytes) -> list[bytes]:
    pcm = on_the_line(pcm)
    return [pcm[start : start + SIZE] for start in range(0, len(pcm) - SIZE + 1, SIZE)]


def watched(*parts: tuple[bytes, bool], rules: AnswerRules | None = None) -> AnswerWatch:
    """Parts of what is heard, and whether each is speech."""
    watch = AnswerWatch(8000, rules)
    for pcm, speech in parts:
        for frame in frames(pcm):
            watch.frame(frame, 0.9 if speech else 0.1)
    return watch


def found(watch: AnswerWatch) -> str:
    return "" if watch.finding is None else watch.finding.answered


HELLO = (speech_like(0.6, 1), True)
GREETING = (speech_like(4.0, 2), True)


def quiet(seconds: float) -> tuple[bytes, bool]:
    return silence(seconds), False


def test_who_says_hello_and_waits_is_a_person() -> None:
    assert found(watched(quiet(1), HELLO, quiet(0.9))) == ""
    assert found(watched(quiet(1), HELLO, quiet(1.1))) == "human"


def test_who_talks_on_is_a_machine_at_once() -> None:
    watch = watched(quiet(0.5), (speech_like(1.3, 2), True))
    assert found(watch) == "machine"
    assert watch.ready == ""


def test_who_says_nothing_is_unknown() -> None:
    assert found(watched(quiet(4.4))) == ""
    assert found(watched(quiet(4.6))) == "unknown"
    assert found(watched(quiet(1), (speech_like(0.04), True), quiet(4.6))) == "unknown"


def test_a_machine_listens_when_its_beep_is_over() -> None:
    ring = beep(1000, 0.4), False
    assert watched(quiet(0.5), GREETING, quiet(0.5), ring).ready == ""
    assert watched(quiet(0.5), GREETING, quiet(0.5), ring, quiet(0.06)).ready == "beep"


def test_a_machine_that_does_not_beep_listens_when_it_is_silent() -> None:
    assert watched(GREETING, quiet(1.9)).ready == ""
    assert watched(GREETING, quiet(2.1)).ready == "silence"


def test_a_mailbox_that_only_beeps_is_a_machine() -> None:
    watch = watched(quiet(1), (beep(440, 0.2), False), quiet(0.1))
    assert (found(watch), watch.ready) == ("machine", "beep")


@pytest.mark.parametrize(("hertz", "which"), [(2100, "CED"), (1100, "CNG")])
def test_a_fax_is_known_by_its_tone(hertz: float, which: object) -> None:
    rules = AnswerRules(fax=which)  # type: ignore[arg-type]
    watch = watched(quiet(0.5), (beep(hertz, 0.5), False), rules=rules)
    assert found(watch) == "fax"
    assert found(watched(quiet(0.5), (beep(hertz, 0.3), False), rules=rules)) == ""


def test_what_is_not_looked_for_is_not_found() -> None:
    only_fax = AnswerRules(machines=False)
    assert found(watched(GREETING, quiet(3), rules=only_fax)) == ""
    assert found(watched((beep(2100, 2), False), rules=AnswerRules(fax=None))) == ""


@pytest.mark.parametrize("hertz", [400, 440, 700, 1000, 1400, 2000, 2100])
def test_the_pitch_of_a_tone_is_known_to_a_few_hertz(hertz: float) -> None:
    watch = PitchWatch(8000)
    tones = [watch.frame(frame) for frame in frames(silence(0.1) + beep(hertz, 0.3))]
    assert tones[-1] is not None
    assert tones[-1].hertz == pytest.approx(hertz, abs=5)
    assert 240 <= tones[-1].ms <= 320


def test_two_tones_at_once_and_a_soft_one_are_none() -> None:
    dtmf = np.frombuffer(beep(770, 0.3), "<i2") + np.frombuffer(beep(1336, 0.3), "<i2")
    for pcm in (dtmf.astype("<i2").tobytes(), beep(1000, 0.3, level=100)):
        watch = PitchWatch(8000)
        assert [watch.frame(frame) for frame in frames(pcm)] == [None] * 15
