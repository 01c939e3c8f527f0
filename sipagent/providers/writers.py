"""The files a recording can be written to."""

from collections.abc import Iterable, Mapping

from sipagent.media.recording import OpenWriter, Writer
from sipagent.media.wav import WavWriter

from .late import Late

MP3: Late[Writer] = Late("sipagent.providers.mp3")
WRITERS: Mapping[str, OpenWriter] = {"wav": WavWriter, "mp3": MP3}


def wants_mp3(plans: Iterable[bytes]) -> bool:
    """Whether any of these plans, as text, may record MP3."""
    return any(b"mp3" in plan for plan in plans)
