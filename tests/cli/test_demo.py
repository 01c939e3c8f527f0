"""`sipagent demo`: its bundle is looked at and listened to."""

import json
import wave
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from sipagent.store.bundle import read_bundle
from sipagent.testing.audio import RATE, correlate
from sipagent.testing.program import run_program
from sipagent.testing.voice import speak

HOURS = "what are your opening hours"
LAST_WORDS = "Hello Brenda, I would like to order a hundred umbrellas."
BRENDA = "Sales, this is Brenda. What can I do for you?"


@dataclass(frozen=True)
class Shown:
    """What the demo said and left behind."""

    said: dict[str, Any]
    bundle: Path


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """One demo for all tests here."""
    folder = tmp_path_factory.mktemp("demo")
    ran = run_program(folder, "demo", "--json", "--folder", "here")
    assert ran.code == 0, ran.out + ran.err + (folder / "here" / "demo.log").read_text()
    return Shown(ran.json, Path(ran.json["bundle"]))


@pytest.mark.slow
@pytest.mark.xdist_group("demo")
class TestDemo:
    """Everything about that one call."""

    def test_everything_was_shown(self, shown: Shown) -> None:
        assert shown.said["ok"]
        assert all(check["ok"] for check in shown.said["checks"])
        assert {p.name for p in shown.bundle.iterdir()} >= {
            "call.json", "call.wav", "timeline.svg",
        }  # fmt: skip

    def test_each_channel_carries_its_own_party(self, shown: Shown) -> None:
        left, right = channels(shown.bundle / "call.wav")
        for words in (HOURS, LAST_WORDS):
            assert alike(speak(words), left) > 0.45
            assert alike(speak(words), right) < 0.35
        brenda = speak(BRENDA, voice="en-us+m3")
        assert alike(brenda, right) > 0.45
        assert alike(brenda, left) < 0.35

    def test_both_channels_are_as_loud_as_speech_where_somebody_speaks(self, shown: Shown) -> None:
        left, right = channels(shown.bundle / "call.wav")
        bundle = read_bundle(shown.bundle)
        (recording,) = [e for e in bundle.events if e.type == "recording_started"]
        for line in bundle.transcript:
            if line.end - line.start < 500:
                continue
            own = left if line.who == "caller" else right
            at = slice(
                (line.start - recording.t) * RATE // 1000, (line.end - recording.t) * RATE // 1000
            )
            spoken = np.frombuffer(own, "<i2").astype(float)[at]
            assert 500 < float(np.sqrt(np.mean(spoken**2))) < 12_000, line
        # The caller is silent while the agent greets.
        (greeting, *_) = bundle.transcript
        silent = np.frombuffer(left, "<i2").astype(float)[: (greeting.end - recording.t) * 8]
        assert float(np.sqrt(np.mean(silent**2))) < 100

    def test_the_picture_shows_words_refusal_and_both_phones(self, shown: Shown) -> None:
        picture = ElementTree.parse(shown.bundle / "timeline.svg").getroot()
        assert picture.tag.endswith("svg")
        text = " ".join(" ".join(picture.itertext()).split())
        for words in (HOURS, "good morning", "premium number", "DENIED", "alice", "sales"):
            assert words in text, f"{words} is not in the picture"

    def test_the_record_tells_the_whole_call(self, shown: Shown) -> None:
        bundle = read_bundle(shown.bundle)
        assert bundle.cdr.plan == "demo"
        assert bundle.cdr.status == 200
        assert bundle.cdr.denials == 1
        assert [t.ok for t in bundle.cdr.transfers] == [False, True]
        assert bundle.recordings == ("call.wav",)
        assert next(line.said for line in bundle.transcript if line.who == "caller") == HOURS
        assert bundle.turns and bundle.policy and bundle.tools
        methods = {m.start_line.split()[0] for m in bundle.sip}
        assert {"INVITE", "ACK", "BYE", "SIP/2.0"} <= methods
        document = json.loads((shown.bundle / "call.json").read_text())
        assert document == json.loads(bundle.model_dump_json())


def test_a_demo_that_fails_says_at_which_step_and_where_the_log_is(tmp_path: Path) -> None:
    broken = tmp_path / "broken" / "pjsua2"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text('raise ImportError("libmissing.so.2")\n')
    environment = {"PYTHONPATH": str(tmp_path / "broken")}
    ran = run_program(tmp_path, "demo", "--folder", "here", environment=environment)
    assert ran.code == 1
    assert "error: while starting a server and two phones" in ran.err
    assert "log is in here/demo.log" in ran.err
    assert "libmissing.so.2" in (tmp_path / "here" / "demo.log").read_text()
    ran = run_program(tmp_path, "demo", "--folder", "here", "--json", environment=environment)
    assert (ran.code, ran.json["ok"]) == (1, False)
    assert ran.json["step"].startswith("starting a server")


def channels(path: Path) -> tuple[bytes, bytes]:
    """Left and right of a stereo WAV at 8 kHz."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE)
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    return both[:, 0].tobytes(), both[:, 1].tobytes()


def alike(said: bytes, heard: bytes) -> float:
    """Correlation of the middle one of half-second pieces: a late packet shifts one or two."""
    pieces = [said[at : at + RATE] for at in range(0, len(said) - RATE + 1, RATE)]
    return median(correlate(piece, heard).corr for piece in pieces)
