"""Ranged: a file for readers who seek, of which a piece at a time can be had."""

import io
from abc import abstractmethod


class Ranged(io.RawIOBase):
    """Whoever knows how to get a piece says so in `_piece_at`, and how long it all is in `size`."""

    size: int

    def __init__(self) -> None:
        super().__init__()
        self._place = 0

    @abstractmethod
    def _piece_at(self, place: int, most: int) -> bytes:
        """Bytes from a place inside the file on: one at least, and `most` at most. Raises what
        reading raises.
        """

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Bytes before the next one that is read."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """As of any file."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """One piece, which may be less than there is room for."""
        most = min(len(buffer), self.size - self._place)
        if most <= 0:
            return 0
        piece = self._piece_at(self._place, most)
        buffer[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)
