"""Crowd: the media of many callers in one thread: sent on absolute time, read in batches.

A caller costs a send every 20 ms and its share of a batch every 100 ms; arrival times are the
kernel's, so that reading late does not make a packet late. Callers are spread over the 20 ms.
"""

import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from sipagent.testing.rtp import FRAME_SAMPLES, FRAME_SECONDS
from sipagent.testing.sip.transport import Address
from sipagent.testing.stream import bind_even

from .batch import Arrived, Batch
from .talk import Talk
from .tally import LATE_SECONDS, Tally

#: of 20 ms: each with its own callers
_SLOTS = 8
_SLOT_SECONDS = FRAME_SECONDS / _SLOTS
#: a slot's callers are read every so many rounds
_READ_ROUNDS = 5
#: further behind than this the lost time is given up, as a phone's sound card does, seconds
_GIVEN_UP = 2.0
_HEADER = struct.Struct("!BBHII")


@dataclass(slots=True)
class Own:
    """How well the callers kept their own time: packets sent, and those sent more than 40 ms
    late; and what they cost.
    """

    packets: int = 0
    late: int = 0
    worst_seconds: float = 0.0
    cpu_seconds: float = 0.0


class Line:
    """One caller's media. Bound on construction, silent until `connect`."""

    def __init__(self, number: int, host: str, talk: Talk) -> None:
        self.number = number
        self.talk = talk
        self._socket = bind_even(host)
        self.descriptor = self._socket.fileno()
        self._connected = False
        # of no two lines the same, and told apart from the far end's
        self._ssrc = 0x5A000000 + number
        self._sequence = 1
        self._stamp = 0

    @property
    def address(self) -> Address:
        """Where it wants RTP sent."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    def connect(self, remote: Address, now: float) -> None:
        """Talk with `remote`; nobody else is heard. Raises OSError."""
        self._socket.connect(remote)
        if not self._connected:
            self._connected = True
            self.talk.begin(now)

    def send(self, now: float) -> bool:
        """The next 20 ms; False where there is nobody to send them to."""
        if not self._connected:
            return False
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._stamp = (self._stamp + FRAME_SAMPLES) & 0xFFFFFFFF
        header = _HEADER.pack(0x80, 0, self._sequence, self._stamp, self._ssrc)
        try:
            self._socket.send(header + self.talk.next(now))
        except OSError:
            return False  # the far end has gone; signalling will tell
        return True

    def close(self) -> None:
        """Free the port."""
        self._socket.close()


class Crowd:
    """`with Crowd(lines=...) as crowd:`. Of its methods `add` and `remove` are for any thread."""

    def __init__(self, lines: int, host: str = "127.0.0.1") -> None:
        self.tally = Tally(lines)
        self.own = Own()
        self._host = host
        self._free = deque(range(lines))
        self._slots: list[list[Line]] = [[] for _ in range(_SLOTS)]
        self._orders: deque[Callable[[], None]] = deque()
        self._batch = Batch()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="crowd", daemon=True)

    def __enter__(self) -> "Crowd":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()
        for line in [line for slot in self._slots for line in slot]:
            line.close()

    def add(self, talk: Talk) -> Line:
        """One more caller. Raises OSError where there is no port, IndexError where no room."""
        line = Line(self._free.popleft(), self._host, talk)
        self._orders.append(lambda: self._slots[line.number % _SLOTS].append(line))
        return line

    def remove(self, line: Line) -> None:
        """This one has hung up."""
        self._orders.append(lambda: self._drop(line))

    def _drop(self, line: Line) -> None:
        self._slots[line.number % _SLOTS].remove(line)
        line.close()
        self.tally.free(line.number)
        self._free.append(line.number)

    def _run(self) -> None:
        start, tick = time.perf_counter(), 0
        while not self._over.is_set():
            due = start + tick * _SLOT_SECONDS
            wait = due - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            elif wait < -_GIVEN_UP:
                start -= wait
                due -= wait
            while self._orders:
                self._orders.popleft()()
            self._tick(tick, due)
            tick += 1
            self.own.cpu_seconds = time.thread_time()

    def _tick(self, tick: int, due: float) -> None:
        lines = self._slots[tick % _SLOTS]
        if not lines:
            return
        late, now = time.perf_counter() - due, time.time()
        sent = sum(line.send(now) for line in lines)
        self.own.packets += sent
        self.own.late += sent if late > LATE_SECONDS else 0
        self.own.worst_seconds = max(self.own.worst_seconds, late)
        if tick // _SLOTS % _READ_ROUNDS == 0:
            self._read(lines, now)

    def _read(self, lines: list[Line], now: float) -> None:
        tally = self.tally
        came: Arrived | None = self._batch.read((one.number, one.descriptor) for one in lines)
        if came is not None:
            tally.add(came)
        for line in lines:
            talk, number = line.talk, line.number
            talk.hear(float(tally.first[number]), float(tally.last[number]), now)
            tally.listen(number, talk.since)
