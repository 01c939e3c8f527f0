"""Keys as tones in a leg's audio: an ear for those of the far end, a keypad for ours."""

import asyncio
from collections.abc import Callable
from typing import Any

import pjsua2 as pj

from sipagent.media.frames import frame_bytes
from sipagent.media.keytones import KeyTones

from .frame_access import choose
from .native import fenced, keep_thread_state
from .ports import port_format

#: peak of one tone, 16-bit units: about -9 dBm0
_VOLUME = 8100


class Ear(pj.AudioMediaPort):  # type: ignore[misc]
    """A member of the conference that hears one leg and tells `heard` of its keys, on the loop.

    It listens while it is `open`; the recognition runs on the media thread, 0.04 ms a frame.
    """

    def __init__(self, rate: int, heard: Callable[[str], None]) -> None:
        super().__init__()
        self.loop = asyncio.get_running_loop()
        self.open = False
        self._heard = heard
        self._tones = KeyTones(rate)
        self._access = choose()
        self._silence = bytes(frame_bytes(rate))
        self.createPort("keys", port_format(rate))

    @fenced
    def onFrameRequested(self, frame: Any) -> None:  # noqa: N802
        """It says nothing."""
        keep_thread_state()
        frame.type = pj.PJMEDIA_FRAME_TYPE_NONE

    @fenced
    def onFrameReceived(self, frame: Any) -> None:  # noqa: N802
        """20 ms of what the far end says."""
        if not self.open:
            return
        for key in self._tones.feed(self._access.read(frame) or self._silence):
            if not self.loop.is_closed():
                self.loop.call_soon_threadsafe(self._heard, key)


class Pad:
    """Plays keys to one leg. It stays in the conference; a key goes to the media there is."""

    def __init__(self, rate: int) -> None:
        self._generator = pj.ToneGenerator()
        self._generator.createToneGenerator(rate, 1)

    def play(self, media: Any, key: str, on_ms: int, off_ms: int) -> None:
        """Begin to play a key. Raises pj.Error."""
        digit = pj.ToneDigit()
        digit.digit, digit.on_msec, digit.off_msec, digit.volume = key, on_ms, off_ms, _VOLUME
        digits = pj.ToneDigitVector()
        digits.append(digit)
        self._generator.startTransmit(media)
        self._generator.playDigits(digits)
