"""The form of a sealed file: its header, and how each of its chunks is bound to its place.

A header, then chunks of one size, each followed by its tag of 16 bytes. A chunk is AES-256-GCM
under the file's own random key; its nonce is its number and its rank, and what it authenticates
beside itself is the header (but for who may open it), its number and its rank. So a chunk that was
changed, moved, left out or taken from another file is seen, and so is a file without its last one
(the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015).
"""

import struct
from dataclasses import dataclass, replace
from typing import Literal

from .keys import VaultError

MAGIC = b"sipaseal"
VERSION = 1
KEY_BYTES, TAG_BYTES, WRAPPED_BYTES = 32, 16, 40
#: bytes of a header at most
HEADER_MOST = 1024
#: powers of two a chunk may have: 256 bytes to a megabyte
_BITS = range(8, 21)
_FIXED = struct.Struct("!8sBBH16s40sBH")

#: 0: more chunks follow; 1: it is the last; 2: it is the last, since the writer was killed, and
#: empty, so that a chunk cut in writing is never sealed again under its nonce
Rank = Literal[0, 1, 2]
MORE: Rank = 0
LAST: Rank = 1
CUT: Rank = 2


class Damaged(VaultError):
    """A sealed file was changed, cut, or put in another's place."""


class NotSealed(ValueError):
    """It is a plain file."""


@dataclass(frozen=True, slots=True)
class Header:
    """`label` is the file's place, FOLDER/NAME; `key` names who opens `wrapped`, the file's key."""

    bits: int
    file_id: bytes
    label: str
    key: str
    wrapped: bytes

    @property
    def chunk(self) -> int:
        """Plain bytes of each chunk but the last."""
        return 1 << self.bits

    def pack(self) -> bytes:
        """As it stands in the file."""
        key, label = self.key.encode(), self.label.encode()
        length = _FIXED.size + len(key) + len(label)
        fixed = _FIXED.pack(
            *(MAGIC, VERSION, self.bits, length, self.file_id, self.wrapped, len(key), len(label))
        )
        return fixed + key + label

    @property
    def binding(self) -> bytes:
        """What every chunk authenticates: all but `key` and `wrapped`, which change."""
        return MAGIC + bytes((VERSION, self.bits)) + self.file_id + self.label.encode()

    def under(self, key: str, wrapped: bytes) -> "Header":
        """The same file, opened by another key."""
        return replace(self, key=key, wrapped=wrapped)


def parse(raw: bytes) -> Header:
    """The header that a file begins with, of which `raw` is the first `HEADER_MOST` bytes or all.
    Raises NotSealed, Damaged.
    """
    if not raw.startswith(MAGIC):
        raise NotSealed
    try:
        _, version, bits, length, file_id, wrapped, key_length, _ = _FIXED.unpack_from(raw)
    except struct.error as error:
        raise Damaged("its header is cut off") from error
    if version != VERSION:
        raise Damaged(f"it is sealed in version {version}, which a newer sipagent may read")
    names = raw[_FIXED.size : length]
    if bits not in _BITS or len(names) != length - _FIXED.size or length > HEADER_MOST:
        raise Damaged("its header is cut off or was changed")
    try:
        key, label = names[:key_length].decode(), names[key_length:].decode()
    except UnicodeDecodeError as error:
        raise Damaged("its header was changed") from error
    header = Header(bits, file_id, label, key, wrapped)
    if header.pack() != raw[:length]:
        raise Damaged("its header was changed")
    return header


def nonce(index: int, rank: Rank) -> bytes:
    """12 bytes, once each in a file."""
    return struct.pack("!QI", index, rank)


def bound(binding: bytes, index: int, rank: Rank) -> bytes:
    """What a chunk authenticates beside itself."""
    return binding + nonce(index, rank)
