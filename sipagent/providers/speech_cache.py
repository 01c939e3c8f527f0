"""SpeechCache: made speech on disk, by what it was made of; shared by every call's process."""

import asyncio
import hashlib
import json
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from sipagent.agent.protocols import OWN_TONGUE, Connected, Synthesizer, Tongue
from sipagent.agent.streams import closing

#: changes when what is kept would no longer fit
_FORM = 1
#: bytes of one text's speech, about four minutes at 16 kHz
_LONGEST = 8_000_000
#: after a trim there is room for a while
_TRIMMED_TO = 0.9
_CHUNK_MS = 200
_SUFFIX = ".pcm"
#: keys of options that open doors, and so are neither kept nor part of what is made
_SECRET = ("key", "token", "secret", "password")
_log = structlog.get_logger()


class SpeechCache:
    """Files named by a digest, written whole or not at all. `limit` is in bytes: when it is
    reached the files that nobody heard for longest go.

    A disk that fails costs the speed and nothing else.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit

    def find(self, digest: str) -> bytes | None:
        """The PCM, if it is there; it counts as used now."""
        path = self._path(digest)
        try:
            pcm = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return pcm or None

    def keep(self, digest: str, pcm: bytes) -> None:
        """Keep PCM under its digest."""
        path = self._path(digest)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(pcm)
                Path(name).replace(path)
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise
            self._trim()
        except OSError as error:
            _log.warning("speech_not_kept", folder=str(self._folder), cause=str(error))

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / f"{digest[2:]}{_SUFFIX}"

    def _trim(self) -> None:
        files: list[tuple[float, int, Path]] = []
        # what a killed process left half written is the first to go
        for path in self._folder.glob("*/*"):
            # another call's process may trim at the same time
            with suppress(FileNotFoundError):
                status = path.stat()
                files.append((status.st_mtime, status.st_size, path))
        size = sum(bytes_ for _, bytes_, _ in files)
        if size <= self._limit:
            return
        for _, bytes_, path in sorted(files):
            if size <= self._limit * _TRIMMED_TO:
                return
            path.unlink(missing_ok=True)
            size -= bytes_


def digest_of(text: str, tongue: Tongue, rate: int, kind: str, options: dict[str, Any]) -> str:
    """What speech is made of, in 64 hexadecimal digits. Secrets are no part of it."""
    plain = {
        key: str(value)
        for key, value in options.items()
        if not any(word in key.lower() for word in _SECRET)
    }
    made_of = [_FORM, text, tongue.language, tongue.voice, rate, kind, plain]
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Kept:
    """What a mouth may keep: in which cache, which texts, at which rate, and of which provider."""

    cache: SpeechCache
    keeps: Callable[[str], bool]
    rate: int
    kind: str
    options: dict[str, Any]


class CachedMouth:
    """A Synthesizer: what it has said before comes from the cache."""

    def __init__(self, mouth: Synthesizer, kept: Kept) -> None:
        self._mouth = mouth
        self._kept = kept

    async def synthesize(self, text: str, tongue: Tongue = OWN_TONGUE) -> AsyncIterator[bytes]:
        """See `Synthesizer`."""
        kept = self._kept
        if not kept.keeps(text):
            digest = ""
        else:
            digest = digest_of(text, tongue, kept.rate, kept.kind, kept.options)
            if found := await asyncio.to_thread(kept.cache.find, digest):
                size = kept.rate * _CHUNK_MS // 1000 * 2
                for start in range(0, len(found), size):
                    yield found[start : start + size]
                return
        made = bytearray()
        async with closing(self._mouth.synthesize(text, tongue)) as chunks:
            async for pcm in chunks:
                if digest and len(made) <= _LONGEST:
                    made += pcm
                yield pcm
        if digest and 0 < len(made) <= _LONGEST:
            await asyncio.to_thread(kept.cache.keep, digest, bytes(made))

    async def warm(self) -> None:
        """See `Connected`."""
        if isinstance(self._mouth, Connected):
            await self._mouth.warm()

    async def aclose(self) -> None:
        """See `Connected`."""
        if isinstance(self._mouth, Connected):
            await self._mouth.aclose()
