"""Mix: one room of the mixer. Everybody hears the sum of all the others (mix-minus)."""

from collections import deque
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sipagent.media.frames import frame_bytes, frame_samples
from sipagent.media.resample import Resampler

from .trimming import Trimmer

Sum = npt.NDArray[np.int32]
_LOUDEST = 32_767


class _Refit:
    """Whole frames of one rate as whole frames of another."""

    def __init__(self, source: int, target: int) -> None:
        self._resampler = Resampler(source, target)
        self._size = frame_bytes(target)
        self._rest = b""

    def frame(self, pcm: bytes) -> bytes:
        """The first frames are short by the resampler's lag, and padded."""
        made = self._rest + self._resampler.feed(pcm)
        self._rest = made[self._size :]
        return made[: self._size].rjust(self._size, b"\0")


class Seat:
    """One member: the frames that have come from it and are not mixed yet."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._waiting: deque[bytes] = deque()
        self._trimmer = Trimmer()
        self._room_rate = rate
        self._inward = self._outward = _Refit(rate, rate)

    def said(self, pcm: bytes) -> None:
        """A frame of the member's has come."""
        if self._trimmer.admit(len(self._waiting)):
            self._waiting.append(pcm)

    def fit(self, room_rate: int) -> None:
        """Speak and hear at the room's rate."""
        if room_rate != self._room_rate:
            self._room_rate = room_rate
            self._inward = _Refit(self.rate, room_rate)
            self._outward = _Refit(room_rate, self.rate)

    def take(self) -> Sum | None:
        """The next frame at the room's rate; None when it is late."""
        if not self._waiting:
            return None
        pcm = self._waiting.popleft()
        if self._room_rate != self.rate:
            pcm = self._inward.frame(pcm)
        return np.frombuffer(pcm, "<i2").astype(np.int32)

    def hear(self, pcm: bytes) -> bytes:
        """A frame of the room's, at the member's rate."""
        return pcm if self._room_rate == self.rate else self._outward.frame(pcm)


class Mix:
    """The members of a room. Its rate is the highest of theirs, so that nobody loses by another."""

    def __init__(self) -> None:
        self._seats: list[Seat] = []
        self.rate = 0

    def __len__(self) -> int:
        return len(self._seats)

    def join(self, rate: int) -> Seat:
        """A new member, whose frames are at `rate` Hz."""
        seat = Seat(rate)
        self._seats.append(seat)
        self._fit()
        return seat

    def leave(self, seat: Seat) -> None:
        """A member goes."""
        self._seats.remove(seat)
        self._fit()

    def tick(self) -> Iterator[tuple[Seat, bytes]]:
        """20 ms pass: what each member hears."""
        said = [(seat, seat.take()) for seat in self._seats]
        total = np.zeros(frame_samples(self.rate), np.int32)
        for _, frame in said:
            if frame is not None:
                total += frame
        everything = _bounded(total)
        for seat, frame in said:
            yield seat, seat.hear(everything if frame is None else _bounded(total - frame))

    def _fit(self) -> None:
        self.rate = max((seat.rate for seat in self._seats), default=0)
        for seat in self._seats:
            seat.fit(self.rate)


def _bounded(total: Sum) -> bytes:
    return np.clip(total, -_LOUDEST, _LOUDEST).astype("<i2").tobytes()
