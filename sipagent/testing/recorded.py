"""What a call's own recording says, against what was heard at the other end of the wire."""

import wave
from pathlib import Path

import numpy as np

from sipagent.events import RecordingStarted, Said
from sipagent.media.recording import Recording
from sipagent.media.wav import WavWriter

from .audio import RATE, Samples
from .server import Server
from .signals import share

#: of the pieces of what was said, how many must be heard
_SHARE = 0.25


def stereo_wav(path: Path, rate: int, start: int) -> Recording:
    """A recording as calls make them by default."""
    return Recording(path, rate, start, open_writer=WavWriter, layout="stereo")


def in_it(said: bytes, heard: bytes) -> bool:
    """Is `said` in `heard`, both at 8 kHz? Of other sounds hardly a piece is alike; a frame dropped
    or repeated on the way costs the pieces around it.
    """
    return share(said, heard, RATE) > _SHARE


async def voice_of(server: Server, said: Said) -> bytes:
    """The agent's voice in one turn, from the stereo recording of a call that is over.

    Raises TimeoutError where no bundle comes.
    """
    bundle = await server.bundle(said.call_id)
    started = next(e for e in bundle.events if isinstance(e, RecordingStarted))
    heard = _right(server.bundles[said.call_id] / bundle.recordings[0])
    return heard[_sample(said.start - started.t) : _sample(said.end - started.t)].tobytes()


def _sample(milliseconds: int) -> int:
    return milliseconds * RATE // 1000


def _right(path: Path) -> Samples:
    """What the caller heard."""
    with wave.open(str(path), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")[1::2]
