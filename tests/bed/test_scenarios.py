"""Scenarios as data: what a user writes, and what they read when it is wrong."""

from pathlib import Path

import numpy as np
import pytest

from sipagent.errors import ConfigError
from sipagent.testing.audio import write_wav
from sipagent.testing.bed.render import render
from sipagent.testing.bed.scenario import Echo, Line, Noise, Scenario, load_scenarios
from sipagent.testing.bed.sounds import loudness, make, noise
from sipagent.testing.bed.surroundings import Surroundings

_DICE = np.random.default_rng(1)


def _written(folder: Path, text: str) -> Path:
    path = folder / "scenarios.yaml"
    path.write_text(text)
    return path


def test_a_line_is_a_text_or_says_what_it_is(tmp_path: Path) -> None:
    write_wav(tmp_path / "hello.wav", bytes(1600))
    text = """
scenarios:
  - name: mixed
    lines:
      - "when are you open"
      - {sound: cough}
      - {wav: hello.wav, words: hello}
"""
    (scenario,) = load_scenarios(_written(tmp_path, text))
    said, cough, file = scenario.lines
    assert (said.say, cough.sound) == ("when are you open", "cough")
    assert file.wav == tmp_path / "hello.wav"


@pytest.mark.parametrize(
    ("line", "place", "words"),
    [
        ("{say: hello, sound: cough}", "5:", "say and sound are two things"),
        ("{sound: caugh}", "5:", "cough"),
        ("{wav: nowhere.wav}", "5:", "nowhere.wav is not there"),
        ("{says: hello}", "5:", "say"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    tmp_path: Path, line: str, place: str, words: str
) -> None:
    path = _written(tmp_path, f"scenarios:\n  - name: wrong\n\n    lines:\n      - {line}\n")
    with pytest.raises(ConfigError) as raised:
        load_scenarios(path)
    assert f"{path}:{place}" in str(raised.value)
    assert words in str(raised.value)


def test_a_pause_is_as_long_as_it_is_written() -> None:
    whole = render(Line(say="four nine three [1000] five five"), "en-us", _DICE)
    first = render(Line(say="four nine three"), "en-us", _DICE)
    level = np.abs(np.frombuffer(whole.pcm, "<i2"))
    start = round(first.duration_ms * 8)
    assert not level[start : start + 8000].any()
    assert level[start + 8000 : start + 8800].any()
    assert whole.text == "four nine three five five"
    ends = [word.end_ms for word in whole.words]
    assert ends == sorted(ends)
    assert ends[3] > first.duration_ms + 1000


def test_a_recording_that_is_not_there_is_told_and_not_a_traceback() -> None:
    with pytest.raises(ConfigError, match="no recorded prompt 'nothing'"):
        render(Line(prompt="nothing"), "en-us", _DICE)


def test_noise_is_as_loud_as_it_is_said_to_be() -> None:
    levels = [
        float(np.sqrt(np.mean(np.frombuffer(noise("pink", db, 2000, _DICE), "<i2") ** 2.0)))
        for db in (10.0, 30.0)
    ]
    assert levels[0] / levels[1] == pytest.approx(loudness(20.0), rel=0.05)


def test_no_two_coughs_are_the_same() -> None:
    assert make("cough", _DICE) != make("cough", _DICE)


def test_the_echo_comes_back_after_its_delay_and_at_its_level() -> None:
    around = Surroundings(Scenario(name="echo", echo=Echo(level_db=-20, delay_ms=60)))
    loud = np.full(160, 10_000, "<i2").tobytes()
    came = []
    for heard in (loud, bytes(320), bytes(320), bytes(320), bytes(320)):
        came.append(around.around(None))
        around.hear(heard)
    levels = [0 if pcm is None else int(np.frombuffer(pcm, "<i2").max()) for pcm in came]
    assert levels == [0, 0, 0, 1000, 0]


def test_noise_is_there_when_nobody_speaks() -> None:
    around = Surroundings(Scenario(name="noise", noise=Noise(kind="white")))
    assert any(around.around(None) or b"")
