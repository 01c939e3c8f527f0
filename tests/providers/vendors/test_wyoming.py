"""Ears and mouths over the Wyoming protocol, faults included, and beside its own package."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from wyoming.asr import Transcribe
from wyoming.asr import Transcript as TheirTranscript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import async_read_event, async_write_event
from wyoming.tts import Synthesize

from sipagent.agent.protocols import Expectation, Tongue, Transcript
from sipagent.agent.streams import closing
from sipagent.errors import ProviderError
from sipagent.providers.registry import EARS, MOUTHS
from sipagent.testing.vendors.faults import Fault
from sipagent.testing.vendors.sounds import pitch_of, tone
from sipagent.testing.vendors.wyoming_server import WyomingServer

Do = Callable[..., Any]


def options(server: WyomingServer, **more: Any) -> dict[str, Any]:
    return {"base_url": server.base_url, "silence_seconds": 0.5, **more}


async def test_an_utterance_is_sent_as_it_is_spoken(make: Do, hear: Do) -> None:
    async with WyomingServer(deque(["hello there"])) as server:
        ears = make(EARS, "wyoming", **options(server, model="base"))
        assert await hear(ears, ms=400) == [Transcript("hello there", final=True)]
        [heard] = server.heard
        assert (heard.rate, len(heard.pcm)) == (8000, 6400)
        assert heard.request == {
            "name": "base",
            "language": "en",
            "transcript_names": ["Rossi", "SIP"],
        }


async def test_the_language_of_the_turn_goes_before_the_agents(make: Do, hear: Do) -> None:
    async with WyomingServer(deque(["hola"])) as server:
        await hear(make(EARS, "wyoming", **options(server)), Expectation(language="es-ES"))
        assert server.heard[0].request["language"] == "es"


async def test_text_that_is_streamed_comes_as_partials(make: Do, hear: Do) -> None:
    async with WyomingServer(deque(["where is it"]), streams=True) as server:
        heard = await hear(make(EARS, "wyoming", **options(server)))
        assert [(t.text, t.final) for t in heard] == [
            ("where", False),
            ("where is", False),
            ("where is it", False),
            ("where is it", True),
        ]


@pytest.mark.parametrize("rate", [8000, 16_000])
async def test_speech_comes_at_the_rate_of_the_call(make: Do, say: Do, rate: int) -> None:
    async with WyomingServer(hertz=440.0) as server:
        pcm = await say(make(MOUTHS, "wyoming", rate=rate, **options(server)), "one two three")
        assert len(pcm) == pytest.approx(2 * rate * 0.6, abs=8)
        assert pitch_of(pcm, rate) == pytest.approx(440, abs=3)


@pytest.mark.parametrize(
    ("more", "tongue", "voice"),
    [
        ({}, Tongue(), {}),
        ({"voice": "alba", "speaker": "2"}, Tongue(), {"name": "alba", "speaker": "2"}),
        ({"voice": "alba", "speaker": "2"}, Tongue("es-ES", "carla"), {"name": "carla"}),
        ({}, Tongue("es-ES"), {"language": "es-ES"}),
    ],
)
async def test_the_voice_is_named_or_the_language(
    make: Do, say: Do, more: dict[str, str], tongue: Tongue, voice: dict[str, str]
) -> None:
    async with WyomingServer() as server:
        await say(make(MOUTHS, "wyoming", **options(server, **more)), "hello", tongue)
        assert server.spoken == [{"text": "hello", "voice": voice}]


@pytest.mark.parametrize(("keeps", "connections"), [(True, 1), (False, 3)])
async def test_a_connection_is_used_again_where_the_server_keeps_it(
    make: Do, keeps: bool, connections: int
) -> None:
    async with WyomingServer(keeps=keeps) as server:
        mouth = make(MOUTHS, "wyoming", **options(server))
        await mouth.warm()
        for _ in range(3):
            assert [pcm async for pcm in mouth.synthesize("hello")]
            await asyncio.sleep(0.02)
        assert server.connections == connections
        await mouth.aclose()
        while server.live:
            await asyncio.sleep(0.01)


async def test_speech_that_is_stopped_leaves_no_connection_behind(make: Do) -> None:
    async with WyomingServer() as server:
        mouth = make(MOUTHS, "wyoming", **options(server))
        async with closing(mouth.synthesize("one " * 200)) as chunks:
            assert await anext(chunks)
        while server.live:
            await asyncio.sleep(0.01)
        assert [pcm async for pcm in mouth.synthesize("hello")]
        await mouth.aclose()


FAULTS: Sequence[tuple[Fault, str, bool]] = (
    (Fault.SILENT, "was silent for 0.5 s", False),
    (Fault.HALF_CLOSED, "closed the connection in the middle", True),
    (Fault.MALFORMED, "no JSON: is it a Wyoming server?", False),
    (Fault.BROKEN, "failed: out of memory", True),
    (Fault.HUGE, "payload_length 99999999999, which is not between", False),
)


@pytest.mark.parametrize(("fault", "cause", "again"), FAULTS)
async def test_a_fault_is_told_with_its_cause(
    make: Do, hear: Do, say: Do, fault: Fault, cause: str, again: bool
) -> None:
    async with WyomingServer(deque(["a", "b"]), faults=deque([fault, fault])) as server:
        with pytest.raises(ProviderError, match=cause) as failed:
            await hear(make(EARS, "wyoming", **options(server)))
        assert (failed.value.provider, failed.value.retryable) == ("speech", again)
        with pytest.raises(ProviderError, match=cause) as failed:
            await say(make(MOUTHS, "wyoming", **options(server)), "one two")
        assert (failed.value.provider, failed.value.retryable) == ("speech", again)
        while server.live:
            await asyncio.sleep(0.01)


async def test_a_late_answer_within_the_limit_is_an_answer(make: Do, hear: Do) -> None:
    async with WyomingServer(deque(["hello"]), faults=deque([Fault.LATE])) as server:
        heard = await hear(make(EARS, "wyoming", **options(server)))
        assert [t.text for t in heard] == ["hello"]


async def test_a_server_that_is_not_there_is_named(make: Do, hear: Do, say: Do) -> None:
    async with WyomingServer() as server:
        wanted = options(server)
    mouth = make(MOUTHS, "wyoming", **wanted)
    await mouth.warm()
    with pytest.raises(ProviderError, match="cannot connect to tcp://127"):
        await say(mouth, "hello")
    with pytest.raises(ProviderError, match="cannot connect to tcp://127"):
        await hear(make(EARS, "wyoming", **wanted))


@pytest.mark.parametrize("url", ["http://a:1", "tcp://a", "tcp://a:99999", "a:1"])
def test_an_address_that_is_none_is_refused_before_any_call(make: Do, url: str) -> None:
    with pytest.raises(ProviderError, match="is not tcp://host:port"):
        make(MOUTHS, "wyoming", base_url=url)


async def _their_handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speech as the protocol's own package reads and writes it."""
    audio = b""
    language = ""
    while (event := await async_read_event(reader)) is not None:
        if Transcribe.is_type(event.type):
            language = Transcribe.from_event(event).language or ""
        elif AudioChunk.is_type(event.type):
            audio += AudioChunk.from_event(event).audio
        elif AudioStop.is_type(event.type):
            text = f"{len(audio)} bytes of {language}"
            await async_write_event(TheirTranscript(text).event(), writer)
            break
        elif Synthesize.is_type(event.type):
            pcm = tone(440.0, 200 * len(Synthesize.from_event(event).text.split()), 16_000)
            form = {"rate": 16_000, "width": 2, "channels": 1}
            await async_write_event(AudioStart(**form).event(), writer)
            await async_write_event(AudioChunk(**form, audio=pcm).event(), writer)
            await async_write_event(AudioStop().event(), writer)
    writer.close()


@asynccontextmanager
async def their_server() -> AsyncIterator[str]:
    async with await asyncio.start_server(_their_handler, "127.0.0.1", 0) as server:
        yield f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_the_protocols_own_package_understands_us_and_we_it(
    make: Do, hear: Do, say: Do
) -> None:
    async with their_server() as url:
        heard = await hear(make(EARS, "wyoming", base_url=url), ms=400)
        assert [t.text for t in heard] == ["6400 bytes of en"]
        pcm = await say(make(MOUTHS, "wyoming", base_url=url), "one two")
        assert len(pcm) == pytest.approx(2 * 8000 * 0.4, abs=8)
