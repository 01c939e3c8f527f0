"""Queues of ports that C fills and empties (rings.c): the media thread runs no Python for them."""

import ctypes
from ctypes import byref, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import structlog

from sipagent.media.clock import Counter
from sipagent.media.ear import AT_ONCE, Ear, Patience, QueuedEar
from sipagent.media.frames import FRAME_MS, Frame, frame_bytes
from sipagent.media.mouth import Mouth, QueuedMouth
from sipagent.media.port import LIMIT_MS

log = structlog.get_logger(__name__)

#: of rings.c, which this is written for
_VERSION = 1
_LIMIT = LIMIT_MS // FRAME_MS
#: what `rings_take` found
_FRAME, _SILENCE = 1, 2
_WHY = (
    "sipagent/legs/rings.c is not built, so the interpreter runs on the media thread: more CPU for"
    " each conversation, a fifth or more, and later RTP; install gcc and libc6-dev, then sipagent"
    " anew"
)
#: what each function takes and returns
_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "hub": (c_void_p, (c_uint32,)),
    "descriptor": (c_int, (c_void_p,)),
    "clock": (c_void_p, (c_void_p,)),
    "timers": (c_int, (c_void_p,)),
    "new": (c_void_p, (c_void_p, c_size_t, c_uint32)),
    "seat": (c_int, (c_void_p, c_void_p)),
    "reset": (None, (c_void_p,)),
    "due": (c_uint32, (c_void_p,)),
    "played": (c_uint64, (c_void_p,)),
    "queued": (c_uint64, (c_void_p,)),
    "say": (c_int, (c_void_p, c_char_p, c_int)),
    "pause": (c_uint64, (c_void_p, c_int)),
    "take_back": (c_int, (c_void_p, c_uint64)),
    "clear": (c_uint64, (c_void_p,)),
    "watch": (c_int, (c_void_p, c_uint64)),
    "said": (c_int64, (c_void_p, c_uint64, c_void_p)),
    "listen": (None, (c_void_p, c_int)),
    "patience": (None, (c_void_p, c_uint32, c_int32)),
    "waiting": (c_uint64, (c_void_p,)),
    "take": (c_int, (c_void_p, c_void_p, c_void_p)),
    "rest": (c_int, (c_void_p,)),
    "pull": (c_int, (c_void_p, c_int64, c_void_p)),
    "push": (None, (c_void_p, c_int64, c_char_p)),
}


class Rings:
    """The functions of rings.c, less their prefix.

    They keep the interpreter's lock: each is shorter than giving it away and taking it again.
    """

    def __init__(self, library: ctypes.PyDLL) -> None:
        self._library = library
        for name, (returns, takes) in _SIGNATURES.items():
            function = library[f"rings_{name}"]
            function.restype, function.argtypes = returns, takes
            setattr(self, name, function)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"rings.c has no rings_{name}")

    def address(self, name: str) -> int:
        """Where a function stands that the library of SIP is to call."""
        found = ctypes.cast(self._library[f"rings_{name}"], c_void_p).value
        assert found is not None
        return found


@cache
def library() -> Rings | None:
    """What was built when this was installed; None, and a warning, where nothing was. Nothing is
    begun by it, so that it may be loaded before a fork.
    """
    rings = load(Path(__file__).parent)
    if rings is None:
        log.warning("media_thread_slow", detail=_WHY)
    return rings


def load(folder: Path) -> Rings | None:
    """The library in `folder`, if it is there and of this release."""
    for suffix in EXTENSION_SUFFIXES:
        file = folder / f"_rings{suffix}"
        if file.exists():
            try:
                found = ctypes.PyDLL(str(file))
                return Rings(found) if found.rings_version() == _VERSION else None
            except (OSError, AttributeError):  # of another machine, or no such thing
                return None
    return None


class Hub:
    """What rings share: their clock, and the descriptor that is readable when something is due."""

    def __init__(self, rings: Rings, rate: int, often: int, *, limit: int = _LIMIT) -> None:
        """`rate` is in Hz; `often` cycles lie between two looks at the library's timers; `limit`
        frames may wait in a ring, either way. Raises MemoryError.
        """
        self.rings = rings
        self.rate = rate
        self._limit = limit
        self._at = rings.hub(often)
        if not self._at:
            raise MemoryError("no room for the media clock")
        self.descriptor: int = rings.descriptor(self._at)
        #: frames, where C counts them
        self.clock: Counter = c_uint64.from_address(rings.clock(self._at))

    def timers(self) -> bool:
        """Are the library's timers due? Asked once, answered once."""
        return bool(self.rings.timers(self._at))

    def ring(self) -> "Ring":
        """One more. Raises MemoryError."""
        at = self.rings.new(self._at, frame_bytes(self.rate), self._limit)
        if not at:
            raise MemoryError("no room for a port's audio")
        return Ring(self.rings, at, self.rate)


class Ring:
    """The queues of one native port, lent to one AudioPort at a time. As long as the process."""

    def __init__(self, rings: Rings, at: int, rate: int) -> None:
        self.rings = rings
        self.at = at
        self.rate = rate
        self.size = frame_bytes(rate)
        self.silence = bytes(self.size)
        if not self.at:
            raise MemoryError("no room for a port's audio")
        #: of the loop
        self.buffer = ctypes.create_string_buffer(self.size)

    def lend(self) -> tuple[Mouth, Ear]:
        """Both queues, empty."""
        self.rings.reset(self.at)
        return _RingMouth(self), _RingEar(self)

    def due(self) -> int:
        """What the loop is to look at: 1 for the ear, 2 for the mouth."""
        return int(self.rings.due(self.at))

    def listen(self, listening: bool) -> None:
        """Whether what the conference brings is heard at all."""
        self.rings.listen(self.at, listening)


class _RingMouth:
    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._rings = ring.rings
        self._at = ring.at
        self._paused = False

    @property
    def played(self) -> int:
        return int(self._rings.played(self._at))

    @property
    def queued(self) -> int:
        return int(self._rings.queued(self._at))

    @property
    def paused(self) -> bool:
        return self._paused

    def put(self, pcm: bytes, *, over: bool = False) -> bool:
        if len(pcm) != self._ring.size:
            raise ValueError(f"a frame of {len(pcm)} bytes in place of {self._ring.size}")
        return bool(self._rings.say(self._at, pcm, over))

    def pause(self) -> int:
        self._paused = True
        return int(self._rings.pause(self._at, True))

    def resume(self) -> None:
        self._paused = False
        self._rings.pause(self._at, False)

    def take_back(self, position: int) -> bool:
        return position >= 0 and bool(self._rings.take_back(self._at, position))

    def clear(self) -> int:
        self._paused = False
        return int(self._rings.clear(self._at))

    def watch(self, position: int) -> bool:
        return position > 0 and bool(self._rings.watch(self._at, position))

    def frame(self, position: int) -> Frame:
        buffer = self._ring.buffer
        t = self._rings.said(self._at, position, buffer)
        return Frame(buffer.raw, t)

    def pull(self, t: int) -> bytes | None:
        buffer = ctypes.create_string_buffer(self._ring.size)  # of this thread
        return buffer.raw if self._rings.pull(self._at, t, buffer) else None

    def parted(self) -> Mouth:
        return QueuedMouth(_LIMIT, _nobody, played=self.played)


class _RingEar:
    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._rings = ring.rings
        self._at = ring.at
        self._patience = AT_ONCE
        self._t = c_int64()
        self._t_at = byref(self._t)

    @property
    def patience(self) -> Patience:
        return self._patience

    @patience.setter
    def patience(self, patience: Patience) -> None:
        if patience is not self._patience:
            self._patience = patience
            quiet = -1 if patience.quiet is None else patience.quiet
            self._rings.patience(self._at, patience.frames, quiet)

    @property
    def waiting(self) -> int:
        return int(self._rings.waiting(self._at))

    def take(self) -> Frame | None:
        buffer = self._ring.buffer
        found = self._rings.take(self._at, buffer, self._t_at)
        if not found:
            return None
        return Frame(self._ring.silence if found == _SILENCE else buffer.raw, self._t.value)

    def rest(self) -> bool:
        return bool(self._rings.rest(self._at))

    def push(self, pcm: bytes, t: int) -> None:
        if len(pcm) != self._ring.size:
            raise ValueError(f"a frame of {len(pcm)} bytes in place of {self._ring.size}")
        self._rings.push(self._at, t, pcm)

    def parted(self) -> Ear:
        waiting = (self.take() for _ in range(self.waiting))
        return QueuedEar(_LIMIT, _nobody, (frame for frame in waiting if frame is not None))


def _nobody() -> None:
    """A closed port is driven by nobody."""
