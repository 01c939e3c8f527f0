"""Conference ports of browsers: 48 kHz, whatever the conference runs at; it resamples natively."""

import asyncio
from collections import deque
from typing import Any

import pjsua2 as pj

from sipagent.legs.frame_access import FrameAccess, choose
from sipagent.legs.native import fenced, keep_thread_state
from sipagent.legs.ports import port_format
from sipagent.media.frames import frame_bytes

from .opus import RATE
from .voice import Ears, Mouth

#: before a port serves another leg
_REST_SECONDS = 5.0
_SILENCE = bytes(frame_bytes(RATE))


class BrowserPort(pj.AudioMediaPort):  # type: ignore[misc]
    """A native conference port, lent to one leg at a time. Callbacks: media thread.

    `open` says whether sound passes at all: before the answer it does not; `held` that the browser
    is not heard. It hears on, as a phone does that was told a=sendonly.
    """

    def __init__(self, access: FrameAccess, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.loop = loop
        self.mouth: Mouth | None = None
        self.ears: Ears | None = None
        self.open = self.held = False
        self._access = access

    @fenced
    def onFrameRequested(self, frame: Any) -> None:  # noqa: N802
        """The conference reads what the browser says."""
        keep_thread_state()
        # taken also while nobody may hear it: what was said on hold is not heard after it
        pcm = self.mouth() if self.mouth is not None else None
        if pcm is None or self.held or not self.open:
            frame.type = pj.PJMEDIA_FRAME_TYPE_NONE
        else:
            self._access.write(frame, pcm)

    @fenced
    def onFrameReceived(self, frame: Any) -> None:  # noqa: N802
        """The conference writes what the browser hears, every cycle, connected or not."""
        if self.ears is not None:
            self.ears((self._access.read(frame) or _SILENCE) if self.open else None)


class BrowserPorts:
    """Ports are used again: a native one is never taken down while the process lives, and each
    costs a callback a cycle for ever.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._access = choose()
        self._free: deque[BrowserPort] = deque()
        #: the native objects have to live as long as the conference
        self._all: list[BrowserPort] = []

    def lend(self) -> BrowserPort:
        """One that nobody has."""
        if self._free:
            return self._free.popleft()
        port = BrowserPort(self._access, self._loop)
        port.createPort("browser", port_format(RATE))
        self._all.append(port)
        return port

    def give_back(self, port: BrowserPort) -> None:
        """Its leg is over. Who was connected to it may still be about to let go of it."""
        port.open = port.held = False
        port.mouth = port.ears = None
        self._loop.call_later(_REST_SECONDS, self._free.append, port)
