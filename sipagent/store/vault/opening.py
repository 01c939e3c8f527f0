"""Opened: the plain bytes of a sealed file, from any place on."""

import io
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sipagent.media.wav import told_sizes
from sipagent.store.ranged import Ranged

from .form import (
    CUT,
    HEADER_MOST,
    LAST,
    MORE,
    TAG_BYTES,
    Damaged,
    Header,
    Rank,
    bound,
    nonce,
    parse,
)
from .keys import Keyring


class Opened(Ranged):
    """Reads a chunk at a time and believes none unchecked. A WAV that was written before anybody
    knew its length says the right one.
    """

    def __init__(self, raw: BinaryIO, keys: Keyring | None, name: str = "") -> None:
        """`raw` can be sought, and is closed with this; `name` is for errors. Raises OSError,
        NotSealed, Damaged, KeyMissing and KeyWrong.
        """
        super().__init__()
        self._raw = raw
        self._name = name
        self.header = header_of(raw)
        self._cipher = AESGCM(unwrapped(self.header, keys))
        self._binding = self.header.binding
        self._start = len(self.header.pack())
        body = raw.seek(0, io.SEEK_END) - self._start
        self._whole, self._rest = divmod(body, self.header.chunk + TAG_BYTES)
        self._held: tuple[int, bytes] = (-1, b"")
        #: how the last chunk is sealed; None where it is not: the writer lives, or was killed, or
        #: somebody has cut the file
        self.end: Rank | None = None
        tail = self._tail()
        self.size = self._whole * self.header.chunk + len(tail)

    def _piece_at(self, place: int, most: int) -> bytes:
        """As far as this chunk goes. Raises Damaged, OSError."""
        index, within = divmod(place, self.header.chunk)
        return self._piece(index)[within : within + most]

    def close(self) -> None:
        """Idempotent."""
        if not self.closed:
            super().close()
            self._raw.close()

    def good(self) -> int:
        """Bytes of the file, from its beginning, that hold whole chunks and no last one."""
        count = self._whole
        while count and not self._right(count - 1):
            count -= 1
        return self._start + count * (self.header.chunk + TAG_BYTES)

    def _right(self, index: int) -> bool:
        try:
            self._opened(index, MORE)
        except Damaged:
            return False
        return True

    def cut(self, size: int) -> bytes:
        """The last chunk for a file that ends after `size` bytes, its writer being dead."""
        index = (size - self._start) // (self.header.chunk + TAG_BYTES)
        return self._cipher.encrypt(nonce(index, CUT), b"", bound(self._binding, index, CUT))

    def _tail(self) -> bytes:
        """What the last chunk holds, if it is sealed as one."""
        if self._rest < TAG_BYTES:
            return b""
        ranks: tuple[Rank, ...] = (LAST, CUT) if self._rest == TAG_BYTES else (LAST,)
        for rank in ranks:
            try:
                tail = self._opened(self._whole, rank)
            except Damaged:
                continue
            self.end = rank
            self._held = (self._whole, tail)
            return tail
        return b""

    def _piece(self, index: int) -> bytes:
        if self._held[0] != index:
            rank = MORE if index < self._whole or self.end is None else self.end
            self._held = (index, self._opened(index, rank))
        piece = self._held[1]
        return told_sizes(piece, self.size) if index == 0 else piece

    def _opened(self, index: int, rank: Rank) -> bytes:
        self._raw.seek(self._start + index * (self.header.chunk + TAG_BYTES))
        sealed = self._raw.read(self.header.chunk + TAG_BYTES)
        try:
            return self._cipher.decrypt(
                nonce(index, rank), sealed, bound(self._binding, index, rank)
            )
        except (InvalidTag, ValueError) as error:
            raise Damaged(
                f"{self._name}: chunk {index} is not as it was written: it was changed, moved or"
                " is of another file"
            ) from error


def header_of(raw: BinaryIO) -> Header:
    """Raises NotSealed, Damaged, OSError."""
    raw.seek(0)
    return parse(raw.read(HEADER_MOST))


def unwrapped(header: Header, keys: Keyring | None) -> bytes:
    """The file's own key. Raises KeyMissing, KeyWrong."""
    return (keys or Keyring({}, "")).unwrap(header.key, header.wrapped)
