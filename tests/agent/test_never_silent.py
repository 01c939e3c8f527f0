"""Whatever fails, and however: the caller hears something in time, or the talk ends."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest

from sipagent.agent.conversation import Conversation
from sipagent.agent.failover import Candidate, only
from sipagent.agent.limits import Limits
from sipagent.agent.protocols import (
    OWN_TONGUE,
    Expectation,
    Say,
    Tongue,
    ToolCall,
    Transcript,
    Used,
)
from sipagent.errors import ProviderError
from sipagent.events import Event, ProviderFailed, SpeechEnded, SpeechStarted
from sipagent.media.frames import Frame
from sipagent.testing.fakes import BeepMouth, ScriptedBrain, ScriptedEars
from sipagent.testing.talk import Others, a_talk
from sipagent.testing.virtual import run_virtual
from sipagent.tools.spec import ToolResult, ToolSpec

LIMITS = Limits(first_token=2.0, next_token=2.0, final_text=1.0, speech_chunk=1.0)
#: two of each kind, asked twice at most and bounded by these, and the silence before a prompt
PATIENCE_MS = 12_000


class Fate:
    """What befalls an organ when it is asked: mostly nothing, else one of many ways to fail."""

    def __init__(self, seed: int, badness: float) -> None:
        self._random = random.Random(seed)
        self._badness = badness

    async def befall(self) -> str:
        """Raise, hang or be late; otherwise how it fails later, if at all."""
        if self._random.random() >= self._badness:
            return ""
        match self._random.choice(["refuse", "drop", "hang", "late", "break", "flood", "mute"]):
            case "refuse":
                raise ProviderError("vendor", "wrong key", retryable=False)
            case "drop":
                raise ProviderError("vendor", "connection reset")
            case "hang":
                await asyncio.get_running_loop().create_future()
            case "late":
                await asyncio.sleep(self._random.uniform(0.1, 3.0))
            case other:
                return other
        return ""


class FatedEars(ScriptedEars):
    """Hear the same of every turn, unless their fate is otherwise."""

    def __init__(self, fate: Fate) -> None:
        super().__init__()
        self._fate = fate

    async def transcribe(
        self, audio: AsyncIterator[Frame], expected: Expectation
    ) -> AsyncIterator[Transcript]:
        """See `Transcriber`."""
        fate = await self._fate.befall()
        async for _ in audio:
            while fate == "flood":
                yield Transcript("guess", final=False)
            if fate == "break":
                raise ProviderError("vendor", "connection lost")
        yield Transcript("" if fate == "mute" else "hello", final=True)


class FatedBrain(ScriptedBrain):
    """Answers, or asks for a tool again and again."""

    def __init__(self, fate: Fate) -> None:
        super().__init__()
        self._fate = fate

    async def reply(
        self, conversation: Conversation, tools: Sequence[ToolSpec]
    ) -> AsyncIterator[Say | ToolCall | Used]:
        """See `Brain`."""
        fate = await self._fate.befall()
        while fate == "flood":
            yield Say("I repeat this for ever. ")
        if fate == "mute" and tools:
            yield ToolCall("c1", "look", {})
            return
        yield Say("One two three four. ")
        if fate == "break":
            raise ProviderError("vendor", "connection lost")
        yield Say("Five six.")


class FatedMouth(BeepMouth):
    """Speaks, breaks off, never ends, or makes no sound at all."""

    def __init__(self, fate: Fate) -> None:
        super().__init__()
        self._fate = fate

    async def synthesize(self, text: str, tongue: Tongue = OWN_TONGUE) -> AsyncIterator[bytes]:
        """See `Synthesizer`."""
        fate = await self._fate.befall()
        async for chunk in super().synthesize(text, tongue):
            if fate == "mute":
                return
            yield chunk
            while fate == "flood":
                yield chunk
            if fate == "break":
                raise ProviderError("vendor", "connection lost")


async def _look(arguments: object, control: object) -> ToolResult:
    return ToolResult("nothing yet")


LOOK = ToolSpec("look", "Look it up.", {"type": "object", "properties": {}}, _look)


async def _one_talk(seed: int, badness: float) -> int:
    fates = [Fate(seed * 10 + n, badness) for n in range(6)]
    others = Others(
        only(FatedEars(fates[1]), "ears2"),
        only(FatedBrain(fates[3]), "mind2"),
        (Candidate("mouth2", lambda: FatedMouth(fates[5])),),
    )
    async with a_talk(
        ears=FatedEars(fates[0]),
        brain=FatedBrain(fates[2]),
        mouth=FatedMouth(fates[4]),
        tools=[LOOK],
        others=others,
        limits=LIMITS,
        greeting="Good morning.",
        fallback="person",
        silence_seconds=8,
        end_of_speech_timeout=1000,
    ) as talk:
        talk.running.add_done_callback(lambda _: ended.append(talk.call.bridge.clock.t))
        ended: list[int] = []
        for _ in range(6):
            await talk.person.speak(600, then_quiet=random.Random(seed).randint(500, 9000))
            if talk.running.done():
                break
        await talk.until(talk.call.bridge.clock.t + PATIENCE_MS)
        if talk.running.done():
            end = await talk.running
            assert end.reason in ("failed", "silent"), end
        until = ended[0] if ended else talk.call.bridge.clock.t
        assert max(_silences(talk.call.events, until)) <= PATIENCE_MS, seed
        failed = len(talk.call.all(ProviderFailed))
    await asyncio.sleep(0)
    assert not [t for t in asyncio.all_tasks() if "sipagent/agent" in str(t)], seed
    return failed


def _silences(events: Sequence[Event], until: int) -> Iterator[int]:
    """How long nothing was to be heard, ms, since the last sound of either side."""
    since, speaking = 0, False
    for event in events:
        if isinstance(event, SpeechStarted) and event.speaker == "agent":
            yield event.t - since
            speaking = True
        elif isinstance(event, SpeechEnded):
            speaking = speaking and event.speaker != "agent"
            since = event.t
    yield 0 if speaking else until - since


@pytest.mark.parametrize("badness", [0.3, 0.7, 1.0])
def test_the_call_never_falls_silent_whatever_fails(badness: float) -> None:
    failed = sum(run_virtual(_one_talk(seed, badness)) for seed in range(8))
    assert failed > 8
