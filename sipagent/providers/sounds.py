"""All a call can play: `say:`, `ring:`, `silence:`, `tone:`, `music:`, files and http(s) URLs."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from sipagent.agent.protocols import Synthesizer, Tongue
from sipagent.errors import CallError, PlanError, ProviderError
from sipagent.media.music import soft_music
from sipagent.media.tones import RINGBACK, Cadence, cycle

from .decoding import SoundError, decode, with_volume
from .fetching import Fetcher

#: a mouth for a rate and, where the plan names one, a voice. Raises ProviderError
Mouths = Callable[[int, str | None], Synthesizer]
#: decoded files kept, and the longest one worth keeping (bytes)
_KEPT, _KEPT_BYTES = 16, 2_000_000
_MAX_FILE = 50_000_000
#: seconds that a made sound may last
_LONGEST = 3600.0
_CHUNK_SECONDS = 0.5
_TONE_SECONDS = 0.2
_VOLUMES = (-60.0, 20.0)


class SoundLibrary:
    """Sounds, for one plan.

    Relative files are looked for beside the plan, in `folder`; they and absolute ones must lie
    in it or in one of `shared`, symbolic links followed.
    """

    def __init__(
        self, folder: Path, mouths: Mouths, fetcher: Fetcher, shared: Sequence[Path] = ()
    ) -> None:
        self._folder = folder.resolve()
        self._allowed = (self._folder, *(path.resolve() for path in shared))
        self._mouths = mouths
        self._fetcher = fetcher
        self._decoded: OrderedDict[tuple[Path, int, int], bytes] = OrderedDict()

    async def load(
        self,
        url: str,
        *,
        rate: int,
        voice: str | None = None,
        volume: float = 0.0,
        language: str = "",
        gender: str = "",
    ) -> AsyncIterator[bytes]:
        """PCM at `rate` Hz in chunks of any length; `volume` in dB, -60 to 20.

        Raises PlanError for what is wrong in the plan, SoundError for what cannot be had now.
        """
        if not _VOLUMES[0] <= volume <= _VOLUMES[1]:
            raise PlanError(f"volume {volume:g} dB is not between {_VOLUMES[0]:g} and 20")
        async for pcm in self._plain(url, rate, voice, _tongue(language, gender)):
            yield with_volume(pcm, rate, volume)

    async def _plain(
        self, url: str, rate: int, voice: str | None, tongue: Tongue
    ) -> AsyncIterator[bytes]:
        scheme, _, rest = url.partition(":")
        if scheme == "say":
            async for pcm in self._said(rest, rate, voice, tongue):
                yield pcm
            return
        if scheme in ("http", "https"):
            data = await self._fetcher.fetch(url)
            whole = await asyncio.to_thread(decode, data, url, rate)
        elif scheme in _MADE:
            for pcm in _MADE[scheme](rest, rate):
                yield pcm
            return
        else:
            whole = await self._file(url, rate)
        size = int(rate * _CHUNK_SECONDS) * 2
        for start in range(0, len(whole), size):
            yield whole[start : start + size]

    async def _said(
        self, text: str, rate: int, voice: str | None, tongue: Tongue
    ) -> AsyncIterator[bytes]:
        try:
            async for pcm in self._mouths(rate, voice).synthesize(text, tongue):
                yield pcm
        except ProviderError as error:
            raise CallError(f"say: {error}") from error

    async def _file(self, url: str, rate: int) -> bytes:
        path = self._path(url)
        try:
            status = path.stat()
            if status.st_size > _MAX_FILE:
                raise SoundError(f"{url}: larger than {_MAX_FILE} bytes")
            key = (path, status.st_mtime_ns, rate)
            if key in self._decoded:
                self._decoded.move_to_end(key)
                return self._decoded[key]
            data = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise SoundError(f"{url}: {error.strerror or error}") from error
        pcm = await asyncio.to_thread(decode, data, url, rate)
        self._keep(key, pcm)
        return pcm

    def _path(self, url: str) -> Path:
        name = urlsplit(url).path if url.startswith("file:") else url
        if "\0" in name:
            raise PlanError(f"{url!r}: no file can have that name")
        path = (self._folder / name).resolve()
        if not any(path.is_relative_to(folder) for folder in self._allowed):
            raise PlanError(f"{url}: lies outside the folders sounds may come from")
        return path

    def _keep(self, key: tuple[Path, int, int], pcm: bytes) -> None:
        if len(pcm) > _KEPT_BYTES:
            return
        self._decoded[key] = pcm
        if len(self._decoded) > _KEPT:
            self._decoded.popitem(last=False)


def _tongue(language: str, gender: str) -> Tongue:
    """The embedded mouth's voices are men's; their variants are not."""
    base = language.lower() or "en-us"
    return Tongue(language, f"{base}+f3" if gender == "female" else "")


def _silence(argument: str, rate: int) -> list[bytes]:
    return _repeated(bytes(2 * rate), _seconds(argument, "silence"), rate)


def _ring(argument: str, rate: int) -> list[bytes]:
    """`[duration:]country`; without a duration, one whole ring."""
    duration, _, country = argument.rpartition(":")
    cadence = RINGBACK.get(country.strip().lower())
    if cadence is None:
        raise PlanError(f"ring: unknown country {country!r}; known: {', '.join(RINGBACK)}")
    seconds = _seconds(duration, "ring") if duration else cadence.seconds
    return _repeated(cycle(cadence, rate), seconds, rate)


def _tone(argument: str, rate: int) -> list[bytes]:
    """`frequency[+frequency][:seconds]`, in Hz."""
    pitch, _, duration = argument.partition(":")
    try:
        frequencies = tuple(float(hertz) for hertz in pitch.split("+"))
    except ValueError as error:
        raise PlanError(f"tone: {pitch!r} is no frequency in Hz") from error
    if not all(20 <= hertz < rate / 2 for hertz in frequencies):
        raise PlanError(f"tone: {pitch} Hz is not between 20 and {rate // 2}")
    seconds = _seconds(duration, "tone") if duration else _TONE_SECONDS
    return _repeated(cycle(Cadence(frequencies, (min(seconds, 60.0),)), rate), seconds, rate)


def _music(argument: str, rate: int) -> list[bytes]:
    """`soft`, or nothing, which is the same: one round of it."""
    if argument not in ("", "soft"):
        raise PlanError(f"music: unknown piece {argument!r}; known: soft")
    return [soft_music(rate)]


def _seconds(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise PlanError(f"{what}: {text!r} is no number of seconds") from error
    if not 0 <= value <= _LONGEST:
        raise PlanError(f"{what}: {text} s is not between 0 and {_LONGEST:g}")
    return value


def _repeated(pcm: bytes, seconds: float, rate: int) -> list[bytes]:
    """`pcm` over and over for so long. The list holds the same object again and again."""
    whole, rest = divmod(round(seconds * rate) * 2, len(pcm))
    return [pcm] * whole + ([pcm[:rest]] if rest else [])


_MADE: dict[str, Callable[[str, int], list[bytes]]] = {
    "music": _music,
    "ring": _ring,
    "silence": _silence,
    "tone": _tone,
}
