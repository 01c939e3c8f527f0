"""Tones and sample rates, by their numbers."""

import numpy as np
import pytest

from sipagent.media.resample import Resampler
from sipagent.media.tones import RINGBACK, Cadence, cycle
from sipagent.testing.audio import rms


@pytest.mark.parametrize("country", sorted(RINGBACK))
def test_a_ringback_cycle_is_as_long_as_its_cadence_and_sounds_when_it_should(country: str) -> None:
    cadence = RINGBACK[country]
    pcm = cycle(cadence, 8000)
    assert len(pcm) / 16_000 == pytest.approx(cadence.seconds, abs=0.001)
    on, off = (round(seconds * 8000) * 2 for seconds in cadence.pattern[:2])
    assert rms(pcm[:on]) > 2000
    assert not any(pcm[on : on + off])


def test_a_tone_has_the_frequencies_it_says() -> None:
    pcm = cycle(Cadence((440, 480), (1.0, 0.5)), 8000)
    spectrum = np.abs(np.fft.rfft(np.frombuffer(pcm[:16_000], "<i2")))
    assert sorted(np.argsort(spectrum)[-2:]) == [440, 480]


def test_resampling_in_pieces_loses_no_time() -> None:
    pcm = cycle(Cadence((440,), (1.0, 0.0)), 22_050)
    resampler = Resampler(22_050, 8000, "HQ")
    done = b"".join(resampler.feed(pcm[at : at + 998]) for at in range(0, len(pcm), 998))
    done += resampler.finish()
    assert len(done) == pytest.approx(16_000, abs=4)
    spectrum = np.abs(np.fft.rfft(np.frombuffer(done[:16_000], "<i2")))
    assert np.argmax(spectrum) == 440


def test_equal_rates_pass_untouched() -> None:
    resampler = Resampler(8000, 8000)
    assert resampler.feed(b"\1\2") + resampler.finish(b"\3\4") == b"\1\2\3\4"
