"""Organs made as a server makes them, and a caller's audio for them."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from sipagent.agent.protocols import OWN_TONGUE, Expectation, Tongue, Transcript
from sipagent.agent.spec import AgentSpec, ProviderRef
from sipagent.config import Provider, Settings
from sipagent.media.frames import Frame, frame_bytes
from sipagent.providers.kit import Kit
from sipagent.providers.registry import pick

Make = Callable[..., Any]


@pytest.fixture
def make() -> Make:
    """`make(EARS, kind, rate=8000, **options)`: the ears of a provider named `speech` in
    sipagent.yaml, for an agent that speaks English and hints at two names.
    """

    def made(makers: Any, kind: str, *, rate: int = 8000, **options: Any) -> Any:
        english = {"name": "English", "code": "en-GB"}
        spec = AgentSpec.model_validate({"languages": [english], "hints": ["Rossi", "SIP"]})
        settings = Settings(providers={"speech": Provider(kind=kind, **options)})
        return pick(makers, ProviderRef(provider="speech"), Kit(rate, spec, None), settings)

    return made


async def _audio(ms: int, rate: int) -> AsyncIterator[Frame]:
    for t in range(0, ms, 20):
        yield Frame(bytes(frame_bytes(rate)), t)


@pytest.fixture
def hear() -> Callable[..., Any]:
    """`await hear(ears, expected, ms=400, rate=8000)`: everything the ears made of silence."""

    async def heard(
        ears: Any, expected: Expectation | None = None, *, ms: int = 400, rate: int = 8000
    ) -> list[Transcript]:
        try:
            stream = ears.transcribe(_audio(ms, rate), expected or Expectation())
            return [transcript async for transcript in stream]
        finally:
            await _close(ears)

    return heard


@pytest.fixture
def say() -> Callable[..., Any]:
    """`await say(mouth, text, tongue)`: the PCM of it."""

    async def said(mouth: Any, text: str, tongue: Tongue = OWN_TONGUE) -> bytes:
        try:
            return b"".join([pcm async for pcm in mouth.synthesize(text, tongue)])
        finally:
            await _close(mouth)

    return said


async def _close(organ: Any) -> None:
    if hasattr(organ, "aclose"):
        await organ.aclose()
