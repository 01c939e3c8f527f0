"""Voice activity on speech, and on everything a telephone line carries that is not."""

from itertools import pairwise

import numpy as np
import pytest

from sipagent.media.resample import Resampler
from sipagent.media.tones import RINGBACK, Cadence, cycle
from sipagent.providers.silero import Silero, SileroDetector
from sipagent.providers.silero_model import SAMPLES, SileroModel
from sipagent.testing.ears import spoken
from sipagent.testing.prompts import framed

DTMF_5 = (770.0, 1336.0)


def peak(detector: SileroDetector, pcm: bytes, rate: int = 8000) -> float:
    return max(detector.probability(frame) for frame in framed(pcm, rate))


@pytest.mark.parametrize("rate", [8000, 16_000])
async def test_speech_is_speech_at_either_rate(silero: Silero, rate: int) -> None:
    pcm = Resampler(8000, rate, "HQ").finish(await spoken("transfer me to sales", "en-us"))
    assert peak(silero.detector(rate), pcm, rate) > 0.9


@pytest.mark.parametrize(
    "pcm",
    [
        pytest.param(bytes(32_000), id="silence"),
        pytest.param(cycle(Cadence(DTMF_5, (0.2, 0.1) * 5), 8000), id="keys"),
        pytest.param(cycle(RINGBACK["us"], 8000), id="ringback"),
        pytest.param(cycle(Cadence((425,), (0.5, 0.5) * 3), 8000), id="busy"),
        pytest.param(cycle(Cadence((1100,), (0.5, 3.0)), 8000), id="fax"),
        pytest.param(
            (np.random.default_rng(5).standard_normal(24_000) * 800).astype("<i2").tobytes(),
            id="noise",
        ),
    ],
)
def test_what_is_not_speech_is_not_taken_for_it(silero: Silero, pcm: bytes) -> None:
    assert peak(silero.detector(8000), pcm) < 0.5


async def test_the_answer_holds_between_two_runs_of_the_model(silero: Silero) -> None:
    detector = silero.detector(16_000)
    pcm = Resampler(8000, 16_000, "HQ").finish(await spoken("hello there", "en-us"))
    answers = [detector.probability(frame) for frame in framed(pcm, 16_000)]
    # 512 samples take 1.6 frames: three frames of every eight bring nothing new.
    fresh = sum(a != b for a, b in pairwise(answers))
    assert 0 < fresh <= len(answers) * 5 // 8 + 1


async def test_a_used_model_starts_afresh_for_the_next_detector() -> None:
    house = Silero(spare=1)
    pcm = await spoken("repeat that please", "en-us")
    first = house.detector(8000)
    answers = [first.probability(frame) for frame in framed(pcm)]
    del first
    second = house.detector(8000)
    assert [second.probability(frame) for frame in framed(pcm)] == answers


async def test_two_detectors_do_not_disturb_each_other(silero: Silero) -> None:
    pcm = framed(await spoken("what are your opening hours", "en-us"))
    alone = silero.detector(8000)
    expected = [alone.probability(frame) for frame in pcm]
    one, other = silero.detector(8000), silero.detector(8000)
    got = []
    for frame in pcm:
        got.append(one.probability(frame))
        other.probability(bytes(len(frame)))
    assert got == expected


async def test_a_long_silence_changes_nothing_of_what_is_heard_after_it(silero: Silero) -> None:
    pcm = await spoken("transfer me to sales", "en-us")
    answers = []
    for seconds in (0.64, 20):
        detector = silero.detector(8000)
        for frame in framed(pcm + bytes(int(seconds * 16_000))):
            last = detector.probability(frame)
        assert last < 0.1
        answers.append([detector.probability(frame) for frame in framed(pcm)])
    # the model was asked nothing meanwhile, so the answers are the very same
    assert answers[0] == answers[1]


def test_what_a_law_makes_of_silence_is_silence(silero: Silero) -> None:
    detector = silero.detector(8000)
    idle = (8).to_bytes(2, "little") * 160
    assert max(detector.probability(idle) for _ in range(500)) < 0.1


def test_the_model_says_the_same_by_its_own_function_and_by_a_list() -> None:
    direct, listed = SileroModel(), SileroModel()
    noise = np.random.default_rng(7)
    assert direct.direct
    for _ in range(5):
        samples = noise.normal(0, 0.1, SAMPLES).astype(np.float32)
        assert direct.probability(samples) == listed._listed(samples)
