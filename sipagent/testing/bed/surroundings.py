"""Surroundings: what is on the caller's line beside their voice: noise, and the agent's echo."""

from collections import deque

import numpy as np

from sipagent.media.frames import FRAME_MS

from .scenario import Scenario
from .sounds import loudness, noise

_FRAME = 320  # bytes of 20 ms at 8 kHz
#: noise is made once and then goes round: long enough not to sound like a wheel
_ROUND_MS = 20_000
#: frames that may come at once where the network is late
_AT_ONCE = 5


class Surroundings:
    """Frame by frame, mono s16le at 8 kHz. `hear` is what the caller hears, before `around`."""

    def __init__(self, scenario: Scenario) -> None:
        dice = np.random.default_rng(scenario.seed)
        self._noise: list[bytes] = []
        self._turn = 0
        self._echo = scenario.echo
        #: frames on their way back; what is heard now goes out with the next frame at the earliest
        self._ago = max(0, self._echo.delay_ms // FRAME_MS - 1) if self._echo else 0
        #: what was heard and has not come back yet, oldest first
        self._heard: deque[bytes] = deque([b""] * self._ago, maxlen=self._ago + _AT_ONCE)
        if scenario.noise is not None:
            made = noise(scenario.noise.kind, scenario.noise.snr_db, _ROUND_MS, dice)
            self._noise = [made[at : at + _FRAME] for at in range(0, len(made), _FRAME)]

    def hear(self, pcm: bytes) -> None:
        """The newest frame that was heard."""
        self._heard.append(pcm)

    def around(self, voice: bytes | None) -> bytes | None:
        """What goes out with this frame of voice; None for digital silence."""
        parts: list[tuple[bytes, float]] = []
        if voice:
            parts.append((voice, 1.0))
        if self._noise:
            self._turn = (self._turn + 1) % len(self._noise)
            parts.append((self._noise[self._turn], 1.0))
        heard = self._heard.popleft() if len(self._heard) > self._ago else b""
        if self._echo is not None and any(heard):
            parts.append((heard, loudness(self._echo.level_db)))
        if len(parts) <= 1 and (not parts or parts[0][1] == 1.0):
            return parts[0][0] if parts else None
        total = np.zeros(_FRAME // 2)
        for pcm, gain in parts:
            total += np.frombuffer(pcm, "<i2") * gain
        mixed: bytes = np.clip(total, -32_768, 32_767).astype("<i2").tobytes()
        return mixed
