"""Speech over HTTP against a server that speaks OpenAI's protocol, faults included."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from sipagent.agent.protocols import Connected, Expectation, Tongue, Transcript
from sipagent.agent.spec import AgentSpec, ProviderRef
from sipagent.agent.streams import closing
from sipagent.config import Settings
from sipagent.errors import ProviderError
from sipagent.providers.kit import Kit
from sipagent.providers.registry import EARS, MOUTHS, pick
from sipagent.testing.vendors.faults import Fault
from sipagent.testing.vendors.sounds import pitch_of
from sipagent.testing.vendors.speech_server import SpeechServer, speech_server

Do = Callable[..., Any]


def options(server: SpeechServer, **more: Any) -> dict[str, Any]:
    return {"base_url": server.base_url, "model": "m", "silence_seconds": 0.6, **more}


async def test_an_utterance_is_sent_as_a_wav_with_language_and_hints(make: Do, hear: Do) -> None:
    async with speech_server("hello there") as server:
        ears = make(EARS, "openai", **options(server, prompt="A call.", temperature=0.2))
        heard = await hear(ears, Expectation(("sales please",)), ms=400)
        assert heard == [Transcript("hello there", final=True)]
        [request] = server.heard
        assert (request.rate, request.ms) == (8000, 400)
        assert request.form == {
            "model": "m",
            "response_format": "json",
            "language": "en",
            "prompt": "Rossi, SIP, sales please A call.",
            "temperature": "0.2",
        }


async def test_the_language_of_the_turn_goes_before_the_agents(make: Do, hear: Do) -> None:
    async with speech_server("hola") as server:
        await hear(make(EARS, "openai", **options(server)), Expectation(language="es-ES"), ms=60)
        assert server.heard[0].form["language"] == "es"


async def test_text_is_streamed_where_it_is_asked_for(make: Do, hear: Do) -> None:
    async with speech_server("where is my order") as server:
        heard = await hear(make(EARS, "openai", **options(server, stream=True)))
        assert [t.text for t in heard if not t.final][-1] == "where is my order"
        assert heard[-1] == Transcript("where is my order", final=True)
        assert len(heard) == 5


async def test_nothing_is_asked_about_an_utterance_without_audio(make: Do, hear: Do) -> None:
    async with speech_server("never") as server:
        assert await hear(make(EARS, "openai", **options(server)), ms=0) == []
        assert server.heard == []


@pytest.mark.parametrize("form", ["pcm", "wav"])
@pytest.mark.parametrize("rate", [8000, 16_000])
async def test_speech_comes_at_the_rate_of_the_call(
    make: Do, say: Do, form: str, rate: int
) -> None:
    async with speech_server(hertz=440.0) as server:
        mouth = make(
            MOUTHS, "openai", rate=rate, **options(server, voice="alloy", response_format=form)
        )
        pcm = await say(mouth, "one two three")
        assert len(pcm) == pytest.approx(2 * rate * 0.6, abs=8)
        assert pitch_of(pcm, rate) == pytest.approx(440, abs=3)


async def test_the_voice_of_the_tongue_goes_before_the_mouths_own(make: Do, say: Do) -> None:
    async with speech_server() as server:
        mouth = make(
            MOUTHS, "openai", **options(server, voice="alloy", instructions="Kindly.", speed=1.1)
        )
        await say(mouth, "hola", Tongue("es-ES", "nova"))
        assert server.spoken == [
            {
                "model": "m",
                "input": "hola",
                "voice": "nova",
                "response_format": "pcm",
                "instructions": "Kindly.",
                "speed": 1.1,
            }
        ]


async def test_sound_is_there_long_before_its_end(make: Do) -> None:
    async with speech_server(pace=0.05) as server:
        mouth = make(MOUTHS, "openai", **options(server, voice="alloy"))
        async with closing(mouth.synthesize("one two three four five six seven")) as chunks:
            assert await anext(chunks)
        # the request was given up with the sound unfinished
        while not server.http.abandoned:
            await asyncio.sleep(0.01)
        await mouth.aclose()


async def test_what_has_connections_is_warmed_and_closed_by_the_talk(make: Do) -> None:
    async with speech_server() as server:
        for organ in (
            make(EARS, "openai", **options(server)),
            make(MOUTHS, "openai", **options(server, voice="alloy")),
        ):
            assert isinstance(organ, Connected)
            await organ.aclose()


async def test_one_connection_opened_ahead_serves_the_whole_call(make: Do) -> None:
    async with speech_server() as server:
        mouth = make(MOUTHS, "openai", **options(server, voice="alloy"))
        await mouth.warm()
        assert server.http.connections == 1
        for _ in range(3):
            assert [pcm async for pcm in mouth.synthesize("hello")]
        assert server.http.connections == 1
        await mouth.aclose()
        while server.http.live:
            await asyncio.sleep(0.01)


async def test_warming_a_server_that_is_not_there_is_no_failure(make: Do, hear: Do) -> None:
    async with speech_server() as server:
        ears = make(EARS, "openai", **options(server))
    await ears.warm()
    with pytest.raises(ProviderError, match="cannot connect to http://127"):
        await hear(ears)


FAULTS: Sequence[tuple[Fault, str, bool]] = (
    (Fault.SILENT, "was silent for 0.6 s", False),
    (Fault.HALF_CLOSED, "broke in the middle", True),
    (Fault.MALFORMED, "is base_url right?", False),
    (Fault.RATE_LIMITED, "429 from .*: too many requests: wait for 7 s, or raise the quota", False),
    (Fault.WRONG_KEY, "401 from .*: wrong API key", False),
    (Fault.BROKEN, "503 from .*: The engine is overloaded", True),
)


@pytest.mark.parametrize(("fault", "cause", "again"), FAULTS)
async def test_ears_say_what_went_wrong_and_what_to_do(
    make: Do, hear: Do, fault: Fault, cause: str, again: bool
) -> None:
    async with speech_server("hello", api_key="right") as server:
        server.http.faults.append(fault)
        with pytest.raises(ProviderError, match=cause) as failed:
            await hear(make(EARS, "openai", **options(server, api_key="right")))
        assert (failed.value.provider, failed.value.retryable) == ("speech", again)
        assert "right" not in failed.value.cause.replace("base_url right", "")


@pytest.mark.parametrize(("fault", "cause", "again"), FAULTS)
async def test_a_mouth_says_what_went_wrong_and_what_to_do(
    make: Do, say: Do, fault: Fault, cause: str, again: bool
) -> None:
    async with speech_server() as server:
        server.http.faults.append(fault)
        with pytest.raises(ProviderError, match=cause) as failed:
            await say(make(MOUTHS, "openai", **options(server, voice="v")), "one two three")
        assert (failed.value.provider, failed.value.retryable) == ("speech", again)
        assert "sk-secret" not in failed.value.cause


async def test_a_late_answer_within_the_limit_is_an_answer(make: Do, hear: Do) -> None:
    async with speech_server("hello") as server:
        server.http.faults.append(Fault.LATE)
        assert await hear(make(EARS, "openai", **options(server))) == [
            Transcript("hello", final=True)
        ]


async def test_an_answer_without_an_end_is_given_up(make: Do, hear: Do) -> None:
    async with speech_server() as server:
        server.http.faults.append(Fault.HUGE)
        with pytest.raises(ProviderError, match="sent more than 1000000 bytes"):
            await hear(make(EARS, "openai", **options(server)))


async def test_sound_without_an_end_is_given_up(make: Do, say: Do) -> None:
    async with speech_server() as server:
        server.http.faults.append(Fault.HUGE)
        with pytest.raises(ProviderError, match="sent more than 14400000 bytes"):
            await say(make(MOUTHS, "openai", **options(server, voice="v")), "hello")


def test_the_key_of_openai_is_used_for_openai_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    kit = Kit(8000, AgentSpec(), None)
    ref = ProviderRef.model_validate({"provider": "openai", "model": "m", "voice": "v"})
    with pytest.raises(ProviderError, match="set api_key, or OPENAI_API_KEY"):
        pick(MOUTHS, ref, kit, Settings())


async def test_the_environments_key_is_not_sent_to_another_server(
    make: Do, say: Do, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
    async with speech_server() as server:
        await say(make(MOUTHS, "openai", **options(server, voice="v")), "hello")
        assert all("authorization" not in r.headers for r in server.http.requests)


def test_a_wrong_option_is_named() -> None:
    kit = Kit(8000, AgentSpec(), None)
    ref = ProviderRef.model_validate({"provider": "openai", "model": "m", "vioce": "v"})
    with pytest.raises(ProviderError, match="openai: voice: Field required"):
        pick(MOUTHS, ref, kit, Settings())


@pytest.mark.parametrize("url", ["127.0.0.1:8001/v1", "tcp://a:1", "http://", "http://[::1"])
def test_an_address_that_is_none_is_refused_before_any_call(make: Do, url: str) -> None:
    with pytest.raises(ProviderError, match=r"base_url .* is no"):
        make(EARS, "openai", base_url=url, model="m")
