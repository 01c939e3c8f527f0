"""What is a vendor's own: ends of turns it finds itself, limits, and what it takes amiss."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sipagent.agent.protocols import OWN_TONGUE, Expectation, Transcript
from sipagent.agent.spec import AgentSpec
from sipagent.errors import ProviderError
from sipagent.media.frames import FRAME_MS, Frame
from sipagent.providers.kit import Kit
from sipagent.providers.registry import EARS, MOUTHS
from sipagent.testing.vendors.assemblyai import AssemblyAI
from sipagent.testing.vendors.cartesia import Cartesia
from sipagent.testing.vendors.deepgram import Deepgram
from sipagent.testing.vendors.elevenlabs import ElevenLabs
from sipagent.testing.vendors.faults import Fault
from sipagent.testing.vendors.lettering import read
from sipagent.testing.vendors.scripts import Line
from sipagent.testing.vendors.socket_server import SocketServer, Vendor, Visit, lawful

ITSELF = Line("i would like two tickets", ends_itself=300)
VENDORS: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "nova": (Deepgram, {"kind": "deepgram"}),
    "flux": (Deepgram, {"kind": "deepgram", "model": "flux-general-en"}),
    "assemblyai": (AssemblyAI, {"kind": "assemblyai"}),
    "ink": (Cartesia, {"kind": "cartesia"}),
    "scribe": (ElevenLabs, {"kind": "elevenlabs"}),
}


@asynccontextmanager
async def organ(
    makers: Any, vendor: Vendor, kind: str, spec: AgentSpec | None = None, **options: Any
) -> AsyncIterator[tuple[Any, SocketServer]]:
    async with SocketServer(vendor) as server:
        raw = {"base_url": server.base_url, "api_key": "right", **options}
        made = makers[kind](Kit(8000, spec or AgentSpec(), None), "hosted", raw)
        try:
            yield made, server
        finally:
            await made.aclose()


async def speech(ms: int, *, then: asyncio.Event | None = None) -> AsyncIterator[Frame]:
    for index in range(ms // FRAME_MS):
        yield Frame(bytes([7, 10]) * 160, index * FRAME_MS)
        await asyncio.sleep(0)
    if then is not None:
        await then.wait()


async def heard(ears: Any, expected: Expectation | None = None, ms: int = 480) -> list[Transcript]:
    return [one async for one in ears.transcribe(speech(ms), expected or Expectation())]


@pytest.mark.parametrize("name", ["nova", "flux", "assemblyai"])
async def test_an_end_of_turn_found_by_the_vendor_says_that_the_words_are_complete(
    name: str,
) -> None:
    vendor, options = VENDORS[name]
    async with organ(EARS, vendor(ITSELF), final_seconds=30.0, **options) as (ears, _):
        over = asyncio.Event()
        stream = ears.transcribe(speech(480, then=over), Expectation())
        async for transcript in stream:
            if transcript.complete:
                break
        assert transcript == Transcript(ITSELF.text, final=False, complete=True)
        over.set()
        started = asyncio.get_running_loop().time()
        final = await anext(stream)
        assert (final.text, final.final) == (ITSELF.text, True)
        # nothing more is waited for than the vendor may still have to say
        assert asyncio.get_running_loop().time() - started < 15


@pytest.mark.parametrize("name", ["nova", "flux", "assemblyai"])
async def test_a_pause_inside_a_number_is_no_end_whatever_the_vendor_says(name: str) -> None:
    vendor, options = VENDORS[name]
    async with organ(EARS, vendor(ITSELF), **options) as (ears, _):
        said = await heard(ears, Expectation(awaits="number"))
    assert not any(one.complete for one in said)
    assert said[-1].text == ITSELF.text


@pytest.mark.parametrize("name", VENDORS)
async def test_what_is_given_up_while_its_text_is_awaited_is_no_part_of_the_next(
    name: str,
) -> None:
    vendor, options = VENDORS[name]
    async with organ(EARS, vendor("first words", "goodbye"), **options) as (ears, server):
        server.faults.append(Fault.LATE)
        stream = ears.transcribe(speech(480), Expectation())
        await anext(stream)
        await server.until(lambda: told_of_the_end(server.visits[0].said[-1]))
        await stream.aclose()
        assert (await heard(ears))[-1].text == "goodbye"
        assert len(server.visits) == 1


def told_of_the_end(said: str | bytes) -> bool:
    return isinstance(said, str) and '"commit": false' not in said


async def test_a_very_short_utterance_is_as_long_as_the_vendor_wants_it() -> None:
    for name in ("assemblyai", "scribe"):
        vendor, options = VENDORS[name]
        async with organ(EARS, vendor(Line("no", partial_ms=20), "yes"), **options) as (ears, _):
            assert (await heard(ears, ms=40))[-1].text == "no"
            assert (await heard(ears))[-1].text == "yes"


async def test_formatted_turns_are_waited_for_where_they_are_wanted() -> None:
    ears = organ(EARS, AssemblyAI("two tickets"), "assemblyai", format_turns=True)
    async with ears as (assemblyai, _):
        assert (await heard(assemblyai))[-1].text == "Two tickets."


async def test_hints_that_no_longer_hold_are_taken_back() -> None:
    spec = AgentSpec(hints=("Rossi",))
    async with organ(EARS, Deepgram("a", "b", "c"), "deepgram", spec) as (ears, server):
        for phrases in ((), ("sales",), ()):
            await heard(ears, Expectation(phrases))
        told = [m["keyterms"] for m in server.visits[0].messages if m["type"] == "Configure"]
        assert told == [["Rossi", "sales"], ["Rossi"]]
        assert server.visits[0].query["keyterm"] == ["Rossi"]


async def test_another_language_is_another_connection_and_the_last_one_is_closed() -> None:
    async with organ(EARS, Deepgram("a", "b"), "deepgram", language="en") as (ears, server):
        await heard(ears)
        await heard(ears, Expectation(language="de"))
        assert [visit.query["language"] for visit in server.visits] == [["en"], ["de"]]
        await server.until(lambda: len(server.open) == 1)


async def test_multi_stays_multi_whatever_the_agent_speaks() -> None:
    async with organ(EARS, Deepgram("a"), "deepgram", language="multi") as (ears, server):
        await heard(ears, Expectation(language="de"))
        assert server.visits[0].query["language"] == ["multi"]


class FlushLimit:
    """Aura that takes no more flushes in this minute."""

    def refusal(self, visit: Visit) -> None:
        return None

    async def serve(self, visit: Visit) -> None:
        async for said in visit.hear():
            if lawful(said, {"Speak": {"text": str}, "Flush": {}, "Close": {}})["type"] == "Flush":
                told = {"type": "Warning", "code": "EXCESSIVE_FLUSH", "description": "No flush."}
                await visit.say(told)


async def test_a_warning_that_means_silence_is_an_error() -> None:
    async with organ(MOUTHS, FlushLimit(), "deepgram") as (mouth, _):
        with pytest.raises(ProviderError, match=r"429.*too many requests.*No flush"):
            async for _ in mouth.synthesize("hello"):
                pass


async def test_rapid_interruptions_never_open_more_contexts_than_elevenlabs_allows() -> None:
    mouth = organ(MOUTHS, ElevenLabs(), "elevenlabs", voice_id="rachel")
    async with mouth as (elevenlabs, server):
        for _ in range(20):
            stream = elevenlabs.synthesize("a sentence that is cut short, again and again")
            await anext(stream)
            await stream.aclose()
        sound = b"".join([pcm async for pcm in elevenlabs.synthesize("at last")])
        assert read(sound, 8000) == "at last"
        assert len(server.visits) == 1


async def test_voice_settings_are_told_with_the_first_message_of_a_sentence() -> None:
    settings = {"stability": 0.3, "speed": 1.1}
    mouth = organ(MOUTHS, ElevenLabs(), "elevenlabs", voice_id="rachel", voice_settings=settings)
    async with mouth as (elevenlabs, server):
        async for _ in elevenlabs.synthesize("hello", OWN_TONGUE):
            pass
        assert server.visits[0].messages[0]["voice_settings"] == settings


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("deepgram", {"model": "flux-general-en", "endpointing": 300}, "endpointing"),
        ("deepgram", {"encoding": "opus"}, "encoding"),
        (
            "deepgram",
            {"model": "flux-general-en", "language_hint": ["de"]},
            "flux-general-multi, not",
        ),
        ("deepgram", {"base_url": "localhost:80"}, "base_url"),
        ("deepgram", {"base_url": "wss://key@host"}, "a key belongs into api_key"),
        ("deepgram", {}, "no API key: set api_key, or DEEPGRAM_API_KEY"),
        ("elevenlabs", {}, "ELEVENLABS_API_KEY"),
        ("cartesia", {}, "CARTESIA_API_KEY"),
        ("assemblyai", {}, "ASSEMBLYAI_API_KEY"),
    ],
)
def test_wrong_options_are_named_before_anybody_calls(
    kind: str, options: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(f"{kind.upper()}_API_KEY", raising=False)
    with pytest.raises(ProviderError) as caught:
        EARS[kind](Kit(8000, AgentSpec(), None), "hosted", options)
    assert said in caught.value.cause
    assert not caught.value.retryable


async def test_the_key_of_the_environment_goes_to_the_vendor_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DEEPGRAM_API_KEY", "of-the-environment")
    async with organ(EARS, Deepgram("a", key="of-the-environment"), "deepgram", api_key=None) as (
        ears,
        _,
    ):
        with pytest.raises(ProviderError, match="401"):
            await heard(ears)
    # and there it is used
    EARS["deepgram"](Kit(8000, AgentSpec(), None), "hosted", {})


@pytest.mark.swml("param", "asr_diarize", "from the second voice on, texts say which one spoke")
async def test_voices_are_told_apart_once_there_are_two() -> None:
    lines = ("0/this 0/is 0/anna", "0/it 0/hurts 1/her 1/knee", "1/yes", "hello")
    async with organ(EARS, Deepgram(*lines), "deepgram", diarize=True) as (ears, server):
        texts = [(await heard(ears))[-1].text for _ in lines]
        (visit,) = server.visits
    assert visit.query["diarize"] == ["true"]
    assert texts == [
        "this is anna",
        "speaker1: it hurts speaker2: her knee",
        "speaker2: yes",
        "hello",
    ]
