"""Every vendor's mouth, against a local server that speaks the vendor's protocol."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from sipagent.agent.protocols import OWN_TONGUE, Connected, Synthesizer, Tongue
from sipagent.agent.spec import AgentSpec, ProviderRef
from sipagent.config import Settings
from sipagent.config.settings import Provider
from sipagent.errors import ProviderError
from sipagent.providers.kit import Kit
from sipagent.providers.registry import MOUTHS, pick
from sipagent.testing.vendors.cartesia import Cartesia
from sipagent.testing.vendors.deepgram import Deepgram
from sipagent.testing.vendors.elevenlabs import ElevenLabs
from sipagent.testing.vendors.faults import RETRY_AFTER, Fault
from sipagent.testing.vendors.lettering import lettered, read
from sipagent.testing.vendors.socket_server import SocketServer, Vendor, Visit

GREETING = "good morning, rossi and sons."


@dataclass(frozen=True)
class Hosted:
    """A vendor's mouth, and what its server is told of voice and language."""

    kind: str
    vendor: Callable[..., Vendor]
    voice: Callable[[Visit], Any]
    language: Callable[[Visit], Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


HOSTED = {
    "aura": Hosted("deepgram", Deepgram, lambda visit: visit.query["model"][0]),
    "elevenlabs": Hosted(
        "elevenlabs",
        ElevenLabs,
        lambda visit: visit.path.split("/")[3],
        lambda visit: visit.query["language_code"][0],
        {"voice_id": "rachel"},
    ),
    "cartesia": Hosted(
        "cartesia",
        Cartesia,
        lambda visit: visit.messages[-1]["voice"]["id"],
        lambda visit: visit.messages[-1]["language"],
        {"voice_id": "katie"},
    ),
}


@pytest.fixture(params=HOSTED)
def hosted(request: pytest.FixtureRequest) -> Hosted:
    return HOSTED[request.param]


@asynccontextmanager
async def speaking(
    hosted: Hosted, *, rate: int = 8000, **more: Any
) -> AsyncIterator[tuple[Synthesizer, SocketServer]]:
    """The mouth of a plan that names a provider of sipagent.yaml, and its server."""
    async with SocketServer(hosted.vendor()) as server:
        made = {
            "base_url": server.base_url,
            "api_key": "right",
            "first_sound_seconds": 20.0,
            "stall_seconds": 20.0,
            **more,
        }
        provider = Provider(kind=hosted.kind, **{**hosted.options, **made})
        settings = Settings(providers={"hosted": provider})
        mouth = pick(MOUTHS, ProviderRef(provider="hosted"), Kit(rate, AgentSpec(), None), settings)
        assert isinstance(mouth, Connected)
        organ: Synthesizer = mouth  # type: ignore[assignment]
        try:
            yield organ, server
        finally:
            await mouth.aclose()


async def said(mouth: Synthesizer, text: str, tongue: Tongue = OWN_TONGUE) -> bytes:
    return b"".join([pcm async for pcm in mouth.synthesize(text, tongue)])


async def failure(mouth: Synthesizer) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await said(mouth, GREETING)
    assert caught.value.provider == "hosted"
    assert "right" not in caught.value.cause
    return caught.value


async def stop(stream: AsyncIterator[bytes]) -> None:
    await stream.aclose()  # type: ignore[attr-defined]


@pytest.mark.parametrize("rate", [8000, 16000])
async def test_a_sentence_is_spoken_to_the_sample_at_the_rate_of_the_call(
    hosted: Hosted, rate: int
) -> None:
    async with speaking(hosted, rate=rate) as (mouth, _):
        chunks = [pcm async for pcm in mouth.synthesize(GREETING)]
    assert len(chunks) > 1
    assert all(len(chunk) % 2 == 0 for chunk in chunks)
    assert b"".join(chunks) == lettered(GREETING, rate)
    assert read(b"".join(chunks), rate) == GREETING


async def test_one_connection_opened_ahead_serves_the_talk(hosted: Hosted) -> None:
    async with speaking(hosted) as (mouth, server):
        assert isinstance(mouth, Connected)
        await mouth.warm()
        assert len(server.visits) == 1
        for sentence in ("one", "two", "three"):
            assert read(await said(mouth, sentence), 8000) == sentence
        assert len(server.visits) == 1


async def test_sentences_at_the_same_time_are_not_mixed(hosted: Hosted) -> None:
    async with speaking(hosted) as (mouth, _):
        spoken = await asyncio.gather(*(said(mouth, f"sentence {n}") for n in range(4)))
    assert [read(pcm, 8000) for pcm in spoken] == [f"sentence {n}" for n in range(4)]


async def test_a_sentence_cut_short_leaves_the_connection_to_the_next(hosted: Hosted) -> None:
    async with speaking(hosted) as (mouth, server):
        for _ in range(8):
            stream = mouth.synthesize("a long sentence that nobody hears to its end " * 3)
            first = await anext(aiter(stream))
            assert read(first, 8000).startswith("a long"[: len(first) // 160])
            await stop(stream)
        assert read(await said(mouth, "yes?"), 8000) == "yes?"
        assert len(server.visits) == 1


async def test_cancelling_before_the_first_sound_frees_the_mouth(hosted: Hosted) -> None:
    async with speaking(hosted) as (mouth, server):
        server.faults.append(Fault.LATE)
        task = asyncio.create_task(said(mouth, GREETING))
        await server.until(lambda: bool(server.visits) and bool(server.visits[0].said))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert read(await said(mouth, "yes?"), 8000) == "yes?"


async def test_a_listener_that_takes_its_time_is_no_silence_of_the_server(hosted: Hosted) -> None:
    async with speaking(hosted, stall_seconds=0.1) as (mouth, _):
        heard = b""
        async for pcm in mouth.synthesize("so slow"):
            heard += pcm
            await asyncio.sleep(0.15)
    assert read(heard, 8000) == "so slow"


async def test_a_text_without_words_asks_nobody(hosted: Hosted) -> None:
    async with speaking(hosted) as (mouth, server):
        assert await said(mouth, "  \n") == b""
        assert server.visits == []


async def test_a_long_text_is_spoken_whole(hosted: Hosted) -> None:
    text = "and so on. " * 300
    async with speaking(hosted) as (mouth, _):
        assert read(await said(mouth, text), 8000).strip() == text.strip()


async def test_voice_and_language_change_between_two_sentences(hosted: Hosted) -> None:
    async with speaking(hosted) as (mouth, server):
        await said(mouth, "good morning")
        await said(mouth, "buongiorno", Tongue("it-IT", "giulia"))
        visit = server.visits[-1]
        assert hosted.voice(visit) == "giulia"
        if hosted.language is not None:
            assert hosted.language(visit) == "it"
        await said(mouth, "good morning")
        assert len(server.open) == len(server.visits) <= 2


async def test_a_late_sound_is_waited_for(hosted: Hosted) -> None:
    async with speaking(hosted) as (mouth, server):
        server.faults.append(Fault.LATE)
        assert read(await said(mouth, GREETING), 8000) == GREETING


async def test_a_wrong_key_is_not_tried_again(hosted: Hosted) -> None:
    async with speaking(hosted, api_key="wrong-key") as (mouth, _):
        error = await failure(mouth)
    assert "check api_key" in error.cause
    assert "wrong-key" not in error.cause
    assert not error.retryable


async def test_too_many_connections_say_when_to_come_again(hosted: Hosted) -> None:
    async with speaking(hosted) as (mouth, server):
        server.faults.append(Fault.RATE_LIMITED)
        error = await failure(mouth)
        assert f"wait for {RETRY_AFTER} s" in error.cause
        assert not error.retryable  # a caller does not wait that long
        assert read(await said(mouth, "yes?"), 8000) == "yes?"


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault.SILENT, "within 1 s"),
        (Fault.HALF_CLOSED, "broke"),
        (Fault.MALFORMED, "not JSON"),
        (Fault.HUGE, "without end"),
        (Fault.BROKEN, "the server has failed"),
    ],
)
async def test_a_failure_is_named_and_another_connection_serves_the_next(
    hosted: Hosted, fault: Fault, told: str
) -> None:
    patience = 1.0 if fault is Fault.SILENT else 20.0
    async with speaking(hosted, first_sound_seconds=patience) as (mouth, server):
        server.faults.append(fault)
        error = await failure(mouth)
        assert told in error.cause
        assert error.retryable == (fault is not Fault.SILENT)
        assert read(await said(mouth, "yes?"), 8000) == "yes?"
        assert len(server.visits) == 2


async def test_a_server_that_is_not_there_is_named(hosted: Hosted) -> None:
    async with speaking(hosted) as (mouth, server):
        await server.stop()
        error = await failure(mouth)
        assert f"cannot connect to {server.base_url}" in error.cause
        assert error.retryable


async def test_nothing_is_left_open(hosted: Hosted) -> None:
    before = asyncio.all_tasks()
    async with speaking(hosted) as (mouth, server):
        await said(mouth, GREETING)
        stream = mouth.synthesize(GREETING)
        await anext(aiter(stream))
        await stop(stream)
        assert isinstance(mouth, Connected)
        await mouth.aclose()
        await server.until(lambda: not server.open)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
