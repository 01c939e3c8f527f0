"""Hold: what a caller on hold by a verb is kept with."""

import asyncio
from dataclasses import dataclass

from sipagent.media.port import AudioPort


@dataclass(frozen=True, slots=True, eq=False)
class Hold:
    """The music the caller hears, what plays it and what ends it. `signalled` is True where the
    caller's phone was told (RFC 3264 section 8.4).
    """

    music: AudioPort
    signalled: bool
    tasks: tuple[asyncio.Task[None], ...]
