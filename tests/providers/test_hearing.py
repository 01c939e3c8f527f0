"""One spoken answer on a port, with the real detector and ears."""

import asyncio

import pytest

from sipagent.agent.protocols import Transcriber
from sipagent.call.services import Heard, Overheard
from sipagent.errors import ProviderError
from sipagent.media.clock import MediaClock
from sipagent.media.port import AudioPort
from sipagent.media.tones import RINGBACK, cycle
from sipagent.providers import hearing
from sipagent.providers.grammar import GrammarModels
from sipagent.providers.hearing import EmbeddedHearing
from sipagent.providers.silero import Silero
from sipagent.testing.ears import spoken
from sipagent.testing.prompts import framed

SILENCE = bytes(320)
PHRASES = ("what are your opening hours", "no thank you", "yes please")


class Line:
    """A port that is fed frame by frame, faster than real time, as its reader keeps up."""

    def __init__(self) -> None:
        self.clock = MediaClock()
        self.port = AudioPort("caller", 8000, self.clock)

    async def feed(self, pcm: bytes) -> None:
        for frame in framed(pcm):
            self.clock.tick()
            self.port.push(frame)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def feed_until(self, task: "asyncio.Task[Heard | None]", limit_seconds: float) -> int:
        """Silence until the answer is there; how many ms that took on the media clock."""
        start = self.clock.t
        while not task.done() and self.clock.t - start < limit_seconds * 1000:
            await self.feed(SILENCE)
        return self.clock.t - start


@pytest.fixture
def ears(models: GrammarModels, silero: Silero) -> EmbeddedHearing:
    return EmbeddedHearing(silero.detector, models.ears)


async def test_an_answer_is_heard_and_its_onset_told(ears: EmbeddedHearing) -> None:
    line, onsets = Line(), []
    task = asyncio.create_task(
        ears.hear(
            line.port,
            phrases=PHRASES,
            initial_timeout=5,
            end_timeout=0.6,
            on_speech=lambda: onsets.append(line.clock.t),
        )
    )
    await line.feed(SILENCE * 50)
    begin = line.clock.t
    await line.feed(await spoken("what are your opening hours", "en-us"))
    waited = await line.feed_until(task, 5)
    answer = await task
    assert answer is not None
    assert answer.text == "what are your opening hours"
    assert answer.confidence is not None
    assert answer.confidence >= 0.5
    assert len(onsets) == 1
    assert onsets[0] - begin < 600
    assert waited < 900


@pytest.mark.parametrize("sound", [SILENCE, cycle(RINGBACK["us"], 8000)], ids=["quiet", "ringing"])
async def test_nobody_speaking_is_none_in_time(ears: EmbeddedHearing, sound: bytes) -> None:
    line, onsets = Line(), []
    task = asyncio.create_task(
        ears.hear(
            line.port,
            phrases=PHRASES,
            initial_timeout=1.5,
            end_timeout=0.5,
            on_speech=lambda: onsets.append(1),
        )
    )
    await asyncio.sleep(0)
    while not task.done() and line.clock.t < 10_000:
        await line.feed(sound)
    assert await task is None
    assert onsets == []


async def test_speech_without_phrases_is_heard_as_nothing(ears: EmbeddedHearing) -> None:
    line = Line()
    task = asyncio.create_task(ears.hear(line.port, phrases=(), initial_timeout=3, end_timeout=0.4))
    await line.feed(SILENCE * 10 + await spoken("hello is anybody there", "en-us"))
    await line.feed_until(task, 3)
    assert await task == Heard("", 0.0)


async def test_endless_speech_is_cut(
    ears: EmbeddedHearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "LONGEST", 3.0)
    line = Line()
    task = asyncio.create_task(
        ears.hear(line.port, phrases=PHRASES, initial_timeout=3, end_timeout=0.5)
    )
    sentence = await spoken("and another thing I want to say about this matter today is that", "it")
    while not task.done() and line.clock.t < 10_000:
        await line.feed(sentence)
    assert await task is not None


async def test_what_was_said_long_before_is_not_the_answer(ears: EmbeddedHearing) -> None:
    line = Line()
    await line.feed(await spoken("yes please", "en-us") + SILENCE * 40)
    task = asyncio.create_task(
        ears.hear(line.port, phrases=PHRASES, initial_timeout=1, end_timeout=0.4)
    )
    await asyncio.sleep(0)
    await line.feed_until(task, 3)
    assert await task is None


async def test_a_closed_port_ends_the_wait(ears: EmbeddedHearing) -> None:
    line = Line()
    task = asyncio.create_task(
        ears.hear(line.port, phrases=PHRASES, initial_timeout=60, end_timeout=1)
    )
    await line.feed(SILENCE * 5)
    line.port.close()
    assert await task is None


async def test_a_dead_port_is_an_error_not_a_hang(
    ears: EmbeddedHearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "_STALLED", 0.05)
    with pytest.raises(ProviderError, match="brings no audio"):
        await ears.hear(Line().port, phrases=PHRASES, initial_timeout=60, end_timeout=1)


async def test_a_listener_hears_one_utterance_after_another_until_the_port_is_closed(
    models: GrammarModels, silero: Silero
) -> None:
    asked: list[str] = []

    def others(engine: str, rate: int) -> Transcriber:
        asked.append(engine)
        return models.ears(rate)

    line = Line()
    ears = EmbeddedHearing(silero.detector, models.ears, others)
    heard: list[Overheard] = []

    async def listen() -> None:
        async for one in ears.listen(line.port, phrases=PHRASES, end_timeout=0.4, engine="vosk"):
            heard.append(one)

    task = asyncio.create_task(listen())
    for words in ("what are your opening hours", "no thank you"):
        await line.feed(SILENCE * 25 + await spoken(words, "en-us") + SILENCE * 40)
    line.port.close()
    await asyncio.wait_for(task, 20)
    assert [one.text for one in heard] == ["what are your opening hours", "no thank you"]
    assert 0 < heard[0].began < heard[0].ended < heard[1].began
    assert asked == ["vosk"]


async def test_without_other_ears_a_listener_is_refused_before_it_begins(
    ears: EmbeddedHearing,
) -> None:
    with pytest.raises(ProviderError, match="no ears here that hear any words"):
        ears.listen(Line().port)
