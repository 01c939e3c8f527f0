"""Every vendor's ears, against a local server that speaks the vendor's protocol."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from sipagent.agent.protocols import Connected, Expectation, Transcriber, Transcript
from sipagent.agent.spec import AgentSpec, ProviderRef
from sipagent.agent.streams import closing
from sipagent.config import Settings
from sipagent.config.settings import Provider
from sipagent.errors import ProviderError
from sipagent.media.frames import FRAME_MS, Frame, frame_samples
from sipagent.providers.kit import Kit
from sipagent.providers.registry import EARS, pick
from sipagent.testing.vendors.assemblyai import AssemblyAI
from sipagent.testing.vendors.cartesia import Cartesia
from sipagent.testing.vendors.deepgram import Deepgram
from sipagent.testing.vendors.elevenlabs import ElevenLabs
from sipagent.testing.vendors.faults import RETRY_AFTER, Fault
from sipagent.testing.vendors.scripts import Line, linear
from sipagent.testing.vendors.socket_server import SocketServer, Vendor, Visit

ORDER = "where is my order please"


@dataclass(frozen=True)
class Hosted:
    """A vendor's ears, and what its server is told of language and hints."""

    kind: str
    vendor: Callable[..., Vendor]
    language: Callable[[Visit], Any]
    hints: Callable[[Visit], Any]
    encoding: Callable[[Visit], str] = lambda visit: visit.query["encoding"][0]
    options: Mapping[str, Any] = field(default_factory=dict)
    #: False where only the agent's own hints are told, when the connection is opened
    told_of_phrases: bool = True


def asked(name: str) -> Callable[[Visit], Any]:
    return lambda visit: visit.query.get(name)


def configured(name: str) -> Callable[[Visit], Any]:
    return lambda visit: next((m[name] for m in reversed(visit.messages) if name in m), None)


HOSTED = {
    "nova": Hosted("deepgram", Deepgram, asked("language"), configured("keyterms")),
    "flux": Hosted(
        "deepgram",
        Deepgram,
        configured("language_hints"),
        configured("keyterms"),
        options={"model": "flux-general-multi"},
    ),
    "scribe": Hosted(
        "elevenlabs",
        ElevenLabs,
        asked("language_code"),
        asked("keyterms"),
        encoding=lambda visit: visit.query["audio_format"][0],
        told_of_phrases=False,
    ),
    "ink": Hosted(
        "cartesia",
        Cartesia,
        asked("language"),
        asked("keyterm"),
        options={"model": "ink-2"},
        told_of_phrases=False,
    ),
    "assemblyai": Hosted(
        "assemblyai",
        AssemblyAI,
        configured("language_codes"),
        configured("keyterms_prompt"),
        options={"speech_model": "universal-streaming-multilingual"},
    ),
}


@pytest.fixture(params=HOSTED)
def hosted(request: pytest.FixtureRequest) -> Hosted:
    return HOSTED[request.param]


@asynccontextmanager
async def listening(
    hosted: Hosted, *lines: str | Line, rate: int = 8000, spec: AgentSpec | None = None, **more: Any
) -> AsyncIterator[tuple[Transcriber, SocketServer]]:
    """Ears of a plan that names a provider of sipagent.yaml, and their server."""
    async with SocketServer(hosted.vendor(*lines)) as server:
        made = {"base_url": server.base_url, "api_key": "right", "final_seconds": 20.0, **more}
        provider = Provider(kind=hosted.kind, **{**hosted.options, **made})
        settings = Settings(providers={"hosted": provider})
        kit = Kit(rate, spec or AgentSpec(), None)
        ears = pick(EARS, ProviderRef(provider="hosted"), kit, settings)
        assert isinstance(ears, Connected)
        organ: Transcriber = ears  # type: ignore[assignment]
        try:
            yield organ, server
        finally:
            await ears.aclose()


async def speech(ms: int, rate: int = 8000) -> AsyncIterator[Frame]:
    """So much of a ramp, as fast as it is taken."""
    for index in range(ms // FRAME_MS):
        yield Frame(bytes([index, 10]) * frame_samples(rate), index * FRAME_MS)
        await asyncio.sleep(0)


async def hear(
    ears: Transcriber, expected: Expectation | None = None, *, ms: int = 480, rate: int = 8000
) -> list[Transcript]:
    return [one async for one in ears.transcribe(speech(ms, rate), expected or Expectation())]


async def failure(ears: Transcriber) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await hear(ears)
    assert caught.value.provider == "hosted"
    assert "right" not in caught.value.cause
    return caught.value


async def test_words_come_while_they_are_spoken_and_then_all_of_them(hosted: Hosted) -> None:
    async with listening(hosted, ORDER) as (ears, _):
        *partials, final = await hear(ears)
    assert "where is my" in [one.text for one in partials]
    assert not any(one.final for one in partials)
    assert (final.text, final.final) == (ORDER, True)


@pytest.mark.parametrize("rate", [8000, 16000])
async def test_every_sample_of_the_utterance_reaches_the_server(hosted: Hosted, rate: int) -> None:
    async with listening(hosted, ORDER, rate=rate) as (ears, server):
        await hear(ears, ms=500, rate=rate)
        (visit,) = server.visits
        said = b"".join([frame.pcm async for frame in speech(500, rate)])
        encoding = hosted.encoding(visit)
        assert ("law" in encoding) == (rate == 8000)
        heard = linear(visit.audio, encoding)
    # mu-law is within 4 % of each sample
    assert heard[: len(said)] == said or near(heard, said)


def near(heard: bytes, said: bytes) -> bool:
    pairs = zip(memoryview(heard).cast("h"), memoryview(said).cast("h"), strict=False)
    return len(heard) >= len(said) and all(abs(a - b) <= abs(b) * 0.04 + 8 for a, b in pairs)


async def test_one_connection_opened_ahead_serves_the_talk(hosted: Hosted) -> None:
    async with listening(hosted, "one", "two", "three") as (ears, server):
        assert isinstance(ears, Connected)
        await ears.warm()
        assert len(server.visits) == 1
        assert [(await hear(ears))[-1].text for _ in range(3)] == ["one", "two", "three"]
        assert len(server.visits) == 1


async def test_who_says_nothing_is_heard_as_saying_nothing(hosted: Hosted) -> None:
    async with listening(hosted, "", "hello there") as (ears, _):
        assert (await hear(ears))[-1] == Transcript("", final=True)
        assert (await hear(ears))[-1].text == "hello there"


async def test_an_utterance_given_up_is_no_part_of_the_next(hosted: Hosted) -> None:
    async with listening(hosted, ORDER, "goodbye") as (ears, server):
        stream = ears.transcribe(speech(480), Expectation())
        async with closing(stream):
            assert "where" in (await anext(stream)).text
        assert (await hear(ears))[-1].text == "goodbye"
        assert len(server.visits) == 1


async def test_the_next_utterance_may_begin_before_the_text_of_the_last_has_come(
    hosted: Hosted,
) -> None:
    async with listening(hosted, ORDER, "and hello") as (ears, server):
        server.faults.append(Fault.LATE)
        first, second = await asyncio.gather(hear(ears), hear(ears))
        assert [first[-1].text, second[-1].text] == [ORDER, "and hello"]


async def test_the_server_is_told_what_to_expect_and_in_which_language(hosted: Hosted) -> None:
    spec = AgentSpec(hints=("Rossi",))
    expected = Expectation(("sales", "returns"), language="it-IT")
    async with listening(hosted, ORDER, spec=spec) as (ears, server):
        await hear(ears, expected)
        visit = server.visits[-1]
        assert "it" in hosted.language(visit)[0]
        hints = hosted.hints(visit)
        phrases = ["sales", "returns"] if hosted.told_of_phrases else []
        assert list(hints) == ["Rossi", *phrases]


async def test_what_is_said_again_is_not_told_again(hosted: Hosted) -> None:
    async with listening(hosted, "one", "two") as (ears, server):
        await hear(ears, Expectation(("sales",)))
        told = len(server.visits[0].messages)
        await hear(ears, Expectation(("sales",)))
        kinds = [m.get("type") for m in server.visits[0].messages[told:]]
        assert not {"Configure", "UpdateConfiguration"} & set(kinds)


async def test_a_late_text_is_waited_for(hosted: Hosted) -> None:
    async with listening(hosted, ORDER) as (ears, server):
        server.faults.append(Fault.LATE)
        assert (await hear(ears))[-1].text == ORDER


async def test_a_wrong_key_is_not_tried_again(hosted: Hosted) -> None:
    async with listening(hosted, ORDER, api_key="wrong-key") as (ears, _):
        error = await failure(ears)
    assert "check api_key" in error.cause
    assert "wrong-key" not in error.cause
    assert not error.retryable


async def test_too_many_connections_say_when_to_come_again(hosted: Hosted) -> None:
    async with listening(hosted, ORDER) as (ears, server):
        server.faults.append(Fault.RATE_LIMITED)
        error = await failure(ears)
        assert f"wait for {RETRY_AFTER} s" in error.cause
        assert not error.retryable  # a caller does not wait that long
        assert (await hear(ears))[-1].text == ORDER


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.HALF_CLOSED, "broke"),
        (Fault.MALFORMED, "not JSON"),
        (Fault.HUGE, "messages without end"),
        (Fault.BROKEN, "the server has failed"),
    ],
)
async def test_a_failure_is_named_and_another_connection_serves_the_next(
    hosted: Hosted, fault: Fault, said: str
) -> None:
    async with listening(hosted, ORDER, "hello") as (ears, server):
        server.faults.append(fault)
        error = await failure(ears)
        assert said in error.cause
        assert error.retryable
        assert (await hear(ears))[-1].text == "hello"
        assert len(server.visits) == 2


async def test_a_server_that_falls_silent_is_given_up_in_time(hosted: Hosted) -> None:
    async with listening(hosted, "", "hello", final_seconds=0.4) as (ears, server):
        server.faults.append(Fault.SILENT)
        try:
            assert (await hear(ears))[-1].text == ""
        except ProviderError as error:
            assert "said nothing within 0.4 s" in error.cause
            assert not error.retryable
        assert (await hear(ears))[-1].text == "hello"


async def test_words_that_came_are_not_lost_with_the_final_text(hosted: Hosted) -> None:
    async with listening(hosted, ORDER, "hello", final_seconds=0.4) as (ears, server):
        server.faults.append(Fault.SILENT)
        assert (await hear(ears))[-1].text == "where is my"
        assert (await hear(ears))[-1].text == "hello"


async def test_a_server_that_is_not_there_is_named(hosted: Hosted) -> None:
    async with listening(hosted, ORDER) as (ears, server):
        await server.stop()
        error = await failure(ears)
        assert f"cannot connect to {server.base_url}" in error.cause
        assert error.retryable


async def test_nothing_is_left_open(hosted: Hosted) -> None:
    before = asyncio.all_tasks()
    async with listening(hosted, ORDER, ORDER) as (ears, server):
        await hear(ears)
        stream = ears.transcribe(speech(480), Expectation())
        await anext(aiter(stream))
        await stream.aclose()  # type: ignore[attr-defined]
        assert isinstance(ears, Connected)
        await ears.aclose()
        await server.until(lambda: not server.open)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
