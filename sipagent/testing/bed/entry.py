"""The bed's ears, mind and mouth in a server under test: `provider: bed`, by an entry point.

The ears are told over a local socket what the caller says: JSON lines both ways. They open one
connection for each turn with `{"caller": NAME}`, and get `{"partial": TEXT}` as words are said; for
`{"ended": true}` they get `{"final": TEXT}`.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from sipagent.agent.protocols import (
    Awaited,
    Brain,
    Expectation,
    Synthesizer,
    Transcriber,
    Transcript,
)
from sipagent.errors import ProviderError
from sipagent.media.frames import Frame
from sipagent.providers.kit import Kit, Options, checked
from sipagent.tasks import stopped

from .library import SPEECH
from .organs import PlainMouth, SteadyMind

#: what `importlib.metadata` reads: a package that is no more than its entry point
_METADATA = "Metadata-Version: 2.1\nName: sipagent-bed\nVersion: 1\n"
_POINTS = f"[sipagent.providers]\nbed = {__name__}\n"
_LOCAL = "127.0.0.1"


class _Ears(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    port: int
    caller: str


class _Mind(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    says: str = "Yes."
    awaits: Awaited = "speech"


class _Mouth(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def install(folder: Path) -> None:
    """Write the entry point: a server with `folder` in its PYTHONPATH knows `provider: bed`."""
    info = folder / "sipagent_bed-1.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(_METADATA)
    (info / "entry_points.txt").write_text(_POINTS)


def preload() -> None:
    """Before the first fork: the words that every call says, made once."""
    PlainMouth().sound(f"{SPEECH} Yes.")


def ears(kit: Kit, name: str, raw: Options) -> Transcriber:
    """See the head of this file."""
    options = checked(_Ears, name, raw)
    return CuedEars(options.port, options.caller)


def mind(kit: Kit, name: str, raw: Options) -> Brain:
    """Says the same to everything."""
    options = checked(_Mind, name, raw)
    return SteadyMind(options.says, options.awaits)


def mouth(kit: Kit, name: str, raw: Options) -> Synthesizer:
    """Word after word without a gap; at 8 kHz."""
    checked(_Mouth, name, raw)
    if kit.rate != 8000:
        raise ProviderError(name, "media.clock_rate must be 8000", retryable=False)
    return PlainMouth()


class CuedEars:
    """A Transcriber whose words come from where the caller is."""

    def __init__(self, port: int, caller: str) -> None:
        self._port = port
        self._caller = caller

    async def transcribe(
        self, audio: AsyncIterator[Frame], expected: Expectation
    ) -> AsyncIterator[Transcript]:
        """See `Transcriber`. Raises ProviderError."""
        try:
            reader, writer = await asyncio.open_connection(_LOCAL, self._port)
        except OSError as error:
            raise ProviderError("bed", f"nobody tells what is said: {error}") from error
        _send(writer, {"caller": self._caller})
        listening = asyncio.create_task(_listen(audio, writer))
        try:
            while line := await reader.readline():
                told = json.loads(line)
                final = "final" in told
                text = str(told["final" if final else "partial"])
                yield Transcript(text, final=final, confidence=1.0 if final else None)
                if final:
                    return
        finally:
            await stopped(listening)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def _listen(audio: AsyncIterator[Frame], writer: asyncio.StreamWriter) -> None:
    async for _ in audio:
        pass
    _send(writer, {"ended": True})


def _send(writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
    writer.write(json.dumps(message).encode() + b"\n")
