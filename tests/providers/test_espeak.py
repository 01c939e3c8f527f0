"""The embedded mouth: level, rate, voices, and stopping."""

import asyncio

import numpy as np
import pytest

from sipagent.agent.protocols import Tongue
from sipagent.errors import ProviderError
from sipagent.providers.espeak import LOUDNESS, EspeakMouth, engine

TEXT = "Good morning, this is Rossi and Sons."


async def said(mouth: EspeakMouth, text: str = TEXT) -> np.ndarray:
    pieces = [piece async for piece in mouth.synthesize(text)]
    return np.frombuffer(b"".join(pieces), dtype="<i2").astype(float)


def loudness(samples: np.ndarray) -> float:
    power = (samples[: len(samples) // 160 * 160].reshape(-1, 160) ** 2).mean(axis=1)
    return float(np.sqrt(power[power > power.max() / 100].mean()))


@pytest.mark.parametrize("voice", ["en-us", "en-gb", "en-us+f3", "it", "EN-US"])
async def test_every_voice_speaks_at_the_same_loudness(voice: str) -> None:
    level = loudness(await said(EspeakMouth(8000, voice)))
    assert abs(20 * np.log10(level / LOUDNESS)) < 2.5


async def test_a_sentence_lasts_as_long_at_every_rate() -> None:
    low, high = await said(EspeakMouth(8000)), await said(EspeakMouth(16_000))
    # espeak-ng itself varies a little from one utterance to the next
    assert len(high) == pytest.approx(2 * len(low), rel=0.02)
    assert 1.5 < len(low) / 8000 < 5


async def test_speed_pitch_and_volume_do_what_they_say() -> None:
    plain = await said(EspeakMouth(8000))
    assert len(await said(EspeakMouth(8000, speed=300))) < 0.75 * len(plain)
    assert loudness(await said(EspeakMouth(8000, volume=-12))) == pytest.approx(
        loudness(plain) / 10 ** (12 / 20), rel=0.05
    )
    assert not np.array_equal(await said(EspeakMouth(8000, pitch=90)), plain)


@pytest.mark.parametrize(
    ("voice", "named"), [("en-ux", "en-us"), ("en-us+nobody", "f3"), ("", "it")]
)
def test_an_unknown_voice_is_refused_with_the_valid_names(voice: str, named: str) -> None:
    with pytest.raises(ProviderError, match="Valid:") as caught:
        EspeakMouth(8000, voice)
    assert named in caught.value.cause
    assert not caught.value.retryable


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(ProviderError, match="speed 10"):
        EspeakMouth(8000, speed=10)


async def test_nothing_to_say_is_silence() -> None:
    assert len(await said(EspeakMouth(8000), "  ")) == 0


async def test_a_text_without_end_is_refused() -> None:
    with pytest.raises(ProviderError, match="characters"):
        await said(EspeakMouth(8000), "word " * 2000)


async def test_closing_early_stops_the_synthesis_and_frees_the_library() -> None:
    long = EspeakMouth(8000).synthesize("and so on " * 400)
    assert await anext(aiter(long))
    await long.aclose()  # type: ignore[attr-defined]
    assert len(await said(EspeakMouth(8000), "yes")) > 0


async def test_mouths_with_different_voices_speak_at_once_without_mixing() -> None:
    mouths = [EspeakMouth(8000, "en-us"), EspeakMouth(8000, "en-us+f3", speed=200)]
    alone = [await said(mouth) for mouth in mouths]
    together = await asyncio.gather(*(said(mouth) for mouth in mouths * 3))
    # The library's flutter moves a sentence's end by a few samples from one time to the next.
    lengths = [len(one) for one in alone * 3]
    assert [len(one) for one in together] == pytest.approx(lengths, rel=0.02)


def test_the_common_voices_are_there() -> None:
    assert {"en-us", "en-gb", "it", "de", "fr-fr", "es"} <= set(engine().voices)


async def test_a_language_is_spoken_with_a_voice_of_its_own() -> None:
    async def spoken(tongue: Tongue) -> int:
        pieces = [piece async for piece in EspeakMouth(8000).synthesize("Buenos dias", tongue)]
        return len(b"".join(pieces))

    own, spanish = await spoken(Tongue()), await spoken(Tongue("es-ES"))
    assert spanish != own
    assert await spoken(Tongue("es-ES", "es")) == pytest.approx(spanish, rel=0.02)
    # its own language, one it does not speak, and another vendor's voice
    for tongue in (Tongue("en-GB"), Tongue("tlh"), Tongue("", "alloy")):
        assert await spoken(tongue) == pytest.approx(own, rel=0.02)
