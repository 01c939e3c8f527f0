"""The files a recording can be written to."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

from sipagent.media.recording import OpenWriter, Writer
from sipagent.media.wav import WavStream, WavWriter

from .late import Late

#: makes a file that is written from front to back
Create = Callable[[Path], BinaryIO]

MP3: Late[Writer] = Late("sipagent.providers.mp3")
_MP3_INTO: Late[Writer] = Late("sipagent.providers.mp3", "into")
WRITERS: Mapping[str, OpenWriter] = {"wav": WavWriter, "mp3": MP3}


def writers_into(create: Create) -> Mapping[str, OpenWriter]:
    """The same, in files of somebody else's making, which are never gone back in."""

    def wav(path: Path, rate: int, channels: int) -> Writer:
        return WavStream(create(path), rate, channels)

    def mp3(path: Path, rate: int, channels: int) -> Writer:
        return _MP3_INTO(create(path), rate, channels)

    return {"wav": wav, "mp3": mp3}


def wants_mp3(plans: Iterable[bytes]) -> bool:
    """Whether any of these plans, as text, may record MP3."""
    return any(b"mp3" in plan for plan in plans)
