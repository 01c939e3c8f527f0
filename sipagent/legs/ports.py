"""Native conference ports that speak and hear by two functions of ours, by the shortest way."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pjsua2 as pj
import structlog

from sipagent.media.frames import FRAME_MS

from .frame_access import choose
from .native import fenced
from .shortcut import Give, Shortcut, Take

log = structlog.get_logger(__name__)

#: makes a member of the conference, which lives as long as the process; None hears nothing
OpenPort = Callable[[Give, Take | None], Any]


class _Directed(pj.AudioMediaPort):  # type: ignore[misc]
    """The long way: a port called by pjsua2's director."""

    def __init__(
        self, rate: int, give: Give, take: Take | None, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__()
        self.loop = loop
        self._access = choose()
        self._give = give
        self._take = take
        self.createPort("port", port_format(rate))

    @fenced
    def onFrameRequested(self, frame: Any) -> None:  # noqa: N802
        """The conference reads this port."""
        pcm = self._give()
        if pcm is None:
            frame.type = pj.PJMEDIA_FRAME_TYPE_NONE
        else:
            self._access.write(frame, pcm)

    @fenced
    def onFrameReceived(self, frame: Any) -> None:  # noqa: N802
        """The conference writes to this port, every cycle, connected or not."""
        if self._take is not None:
            self._take(self._access.read(frame))


def short_way(native: Any, rate: int) -> Shortcut | None:
    """Past the directors, where the library is laid out as `Shortcut` expects. `native` is the
    started `pj.Endpoint`.
    """
    short = Shortcut(native, rate)
    if short.proven():
        return short
    log.warning("media_upcalls_slow", detail="the SIP library is laid out in an unknown way")
    return None


def port_opener(rate: int, loop: asyncio.AbstractEventLoop, short: Shortcut | None) -> OpenPort:
    """Ports that call Python, by the short way where there is one, else through the directors.
    What the functions raise goes to the loop's exception handler.
    """
    if short is not None:
        return partial(short.open, loop=loop)
    kept: list[_Directed] = []

    def open_port(give: Give, take: Take | None) -> _Directed:
        port = _Directed(rate, give, take, loop)
        kept.append(port)
        return port

    return open_port


def port_format(rate: int) -> Any:
    """The native format of a port: 20 ms of mono at `rate` Hz."""
    audio = pj.MediaFormatAudio()
    audio.type = pj.PJMEDIA_TYPE_AUDIO
    audio.clockRate, audio.channelCount, audio.bitsPerSample = rate, 1, 16
    audio.frameTimeUsec = FRAME_MS * 1000
    audio.avgBps = audio.maxBps = rate * 16
    return audio
