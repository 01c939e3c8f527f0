"""The queues in C (legs/rings.c), built from the source that is here and driven without a call."""

import ctypes
import subprocess
import tempfile
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

from sipagent.legs import rings as home
from sipagent.legs.rings import Hub, Ring, Rings, load
from sipagent.legs.seats import RungSeats
from sipagent.legs.shortcut import PjFrame, Upcall
from sipagent.media.frames import FRAME_MS, frame_bytes
from sipagent.media.port import LIMIT_MS

SOURCE = Path(home.__file__).with_name("rings.c")


def build(source: str, folder: Path, name: str = "_rings") -> Path:
    """Put a library of this source into `folder`, where `load` finds it."""
    file = folder / "source.c"
    file.write_text(source)
    built = folder / f"{name}{EXTENSION_SUFFIXES[0]}"
    flags = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-shared", "-fPIC")
    # the machine's compiler, on a source of ours
    subprocess.run(["cc", *flags, file, "-o", built], check=True)  # noqa: S603, S607
    return built


@cache
def rings() -> Rings:
    """Those of this source tree, whatever was installed."""
    with tempfile.TemporaryDirectory() as folder:
        build(SOURCE.read_text(), Path(folder))
        found = load(Path(folder))
    if found is None:
        raise RuntimeError("rings.c is not what rings.py is written for")
    return found


class Conference:
    """A conference of two functions: whoever has this drives its ports, from any thread and
    without the interpreter's lock, as the native one does.
    """

    def __init__(self, rate: int, limit_ms: int = LIMIT_MS) -> None:
        self._size = frame_bytes(rate)
        self.hub = Hub(rings(), rate, 5, limit=limit_ms // FRAME_MS)
        calls = (Upcall(self.hub.rings.address(name)) for name in ("tick", "get", "put"))
        self._tick, self._get, self._put = calls
        #: what stands for the address of each port, the ticker first
        self.ports: list[ctypes.Array[ctypes.c_char]] = []
        self.timers = 0
        self.seats = RungSeats(self, self.hub, self._pump)

    def _pump(self) -> None:
        self.timers += 1

    def open_on(self, ring: Ring, *, ticks: bool = False) -> Any:
        """A new member, as a Shortcut opens it."""
        port = ctypes.create_string_buffer(1)
        if not self.hub.rings.seat(ring.at, port):
            raise RuntimeError("one process has had too many ports")
        self.ports.append(port)
        return port

    def cycle(self, *heard: bytes | None) -> list[bytes | None]:
        """What each port says; then each hears what is its turn in `heard`, None for silence."""
        ticker, *ports = self.ports
        buffer = ctypes.create_string_buffer(self._size)
        frame = PjFrame(buf=ctypes.addressof(buffer))
        at = ctypes.addressof(frame)
        self._tick(ctypes.addressof(ticker), at)
        said: list[bytes | None] = []
        for port in ports:
            self._get(ctypes.addressof(port), at)
            said.append(buffer.raw if frame.type else None)
        for port, pcm in zip(ports, heard, strict=False):
            frame.type, frame.size = (0, 0) if pcm is None else (1, len(pcm))
            buffer.raw = pcm or bytes(self._size)
            self._put(ctypes.addressof(port), at)
        return said
