"""Speech that was made before is there at once, also when its vendor is not."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sipagent.agent.protocols import OWN_TONGUE, Connected, Tongue
from sipagent.agent.spec import AgentSpec
from sipagent.config import Provider, Settings
from sipagent.config import SpeechCache as CacheSettings
from sipagent.providers.kit import Kit
from sipagent.providers.mouths import mouth
from sipagent.providers.speech_cache import SpeechCache, digest_of
from sipagent.testing.vendors.faults import Fault
from sipagent.testing.vendors.speech_server import SpeechServer, speech_server

PLAN: dict[str, Any] = {
    "greeting": "Rossi and Sons, good morning. How can I help?",
    "pronounce": [{"replace": "Rossi", "with": "Rossee"}],
    "voice": {"provider": "speech"},
}


@pytest.fixture
def settings(tmp_path: Path) -> Callable[[SpeechServer], Settings]:
    def made(server: SpeechServer, **more: Any) -> Settings:
        own = {"base_url": server.base_url, "model": "m", "voice": "v", "api_key": "k", **more}
        return Settings(
            providers={"speech": Provider(kind="openai", **own)},
            speech_cache=CacheSettings(folder=tmp_path / "speech", megabytes=1),
        )

    return made


async def said(settings: Settings, text: str, tongue: Tongue = OWN_TONGUE, **plan: Any) -> bytes:
    """A call of its own in which `text` is spoken."""
    spec = AgentSpec.model_validate({**PLAN, **plan})
    made = mouth(spec.voice[0], Kit(8000, spec, None), settings)
    try:
        return b"".join([pcm async for pcm in made.synthesize(text, tongue)])
    finally:
        if isinstance(made, Connected):
            await made.aclose()


async def test_the_greeting_is_made_once_for_all_calls_and_heard_when_the_vendor_is_down(
    settings: Callable[..., Settings],
) -> None:
    async with speech_server() as server:
        mine = settings(server)
        first = await said(mine, "Rossee and Sons, good morning.")
        again = await said(mine, "Rossee and Sons, good morning.")
        assert len(server.spoken) == 1
    assert first and again == first
    # the server is gone
    assert await said(mine, "Rossee and Sons, good morning.") == first


async def test_what_a_model_says_is_not_kept_unless_the_agent_says_so(
    settings: Callable[..., Settings], tmp_path: Path
) -> None:
    async with speech_server() as server:
        mine = settings(server)
        for _ in range(2):
            await said(mine, "Your balance is five pounds.")
        assert len(server.spoken) == 2
        assert not list(tmp_path.glob("speech/**/*.pcm"))
        for _ in range(2):
            await said(mine, "Your balance is five pounds.", speech_cache="all")
        assert len(server.spoken) == 3


async def test_nothing_is_kept_where_the_agent_says_off(settings: Callable[..., Settings]) -> None:
    async with speech_server() as server:
        for _ in range(2):
            await said(settings(server), "How can I help?", speech_cache="off")
        assert len(server.spoken) == 2


async def test_another_voice_is_another_speech_and_another_key_is_not(
    settings: Callable[..., Settings],
) -> None:
    async with speech_server() as server:
        await said(settings(server), "How can I help?")
        await said(settings(server, api_key="rotated"), "How can I help?")
        assert len(server.spoken) == 1
        await said(settings(server), "How can I help?", Tongue("en-GB", "nova"))
        await said(settings(server, voice="w"), "How can I help?")
        assert [body["voice"] for body in server.spoken] == ["v", "nova", "w"]


async def test_speech_that_broke_off_is_not_kept(settings: Callable[..., Settings]) -> None:
    async with speech_server() as server:
        server.http.faults.append(Fault.HALF_CLOSED)
        with pytest.raises(Exception, match="broke in the middle"):
            await said(settings(server), "How can I help?")
        await said(settings(server), "How can I help?")
        assert len(server.spoken) == 2


def digests() -> Iterator[str]:
    for number in range(100):
        yield digest_of(str(number), OWN_TONGUE, 8000, "k", {})


def test_the_longest_unused_goes_when_the_folder_is_full(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 10_000)
    names = digests()
    old, used = next(names), next(names)
    for age, digest in ((300, old), (200, used)):
        cache.keep(digest, bytes(3_000))
        os.utime(next(tmp_path.glob(f"*/{digest[2:]}.pcm")), (age, age))
    assert cache.find(used) is not None
    for digest in (next(names), next(names)):
        cache.keep(digest, bytes(3_000))
    assert cache.find(old) is None
    assert cache.find(used) is not None
    assert sum(file.stat().st_size for file in tmp_path.glob("*/*")) <= 10_000


def test_a_half_written_file_is_never_found(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 10_000)
    digest = next(digests())
    cache.keep(digest, b"\1\0" * 10)
    [file] = tmp_path.glob("*/*")
    assert file.suffix == ".pcm"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


async def test_a_folder_that_cannot_be_written_costs_the_speed_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = SpeechCache(tmp_path / "file", 10_000)
    digest = next(digests())
    await asyncio.to_thread(cache.keep, digest, b"\1\0")
    assert cache.find(digest) is None


async def test_a_language_with_a_provider_of_its_own_is_spoken_by_it(
    settings: Callable[..., Settings],
) -> None:
    languages = [
        {"name": "English", "code": "en-GB"},
        {"name": "Español", "code": "es-ES", "voice": "carla", "provider": "other"},
    ]
    async with speech_server() as server, speech_server() as other:
        own = settings(server)
        theirs: dict[str, Any] = {"base_url": other.base_url, "model": "n", "voice": "w"}
        both = own.model_copy(
            update={"providers": {**own.providers, "other": Provider(kind="openai", **theirs)}}
        )
        await said(both, "hello", Tongue("en-GB"), languages=languages)
        await said(both, "hola", Tongue("es-ES", "carla"), languages=languages)
        assert [body["input"] for body in server.spoken] == ["hello"]
        assert [(b["input"], b["voice"]) for b in other.spoken] == [("hola", "carla")]
        # the next of the list stands in for every language's own
        voices = [{"provider": "gone"}, {"provider": "speech"}]
        spec = AgentSpec.model_validate({**PLAN, "languages": languages, "voice": voices})
        second = mouth(spec.voice[1], Kit(8000, spec, None), both)
        assert isinstance(second, Connected)
        assert [pcm async for pcm in second.synthesize("adios", Tongue("es-ES"))]
        await second.aclose()
        assert server.spoken[-1]["input"] == "adios"
