"""Sealer: a file that is sealed while it is written."""

import fcntl
import io
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .form import KEY_BYTES, LAST, MORE, Header, Rank, bound, nonce
from .keys import Keyring


class Sealer(io.RawIOBase):
    """Takes bytes from front to back. A chunk is with the kernel once it is full: a killed process
    leaves all but the last, unfinished one. It holds a lock meanwhile, by which others see that
    its writer lives. Only the server's own user reads the file.
    """

    def __init__(self, path: Path, keys: Keyring, label: str, bits: int) -> None:
        """`bits`: a chunk has two to their power bytes. Raises OSError."""
        super().__init__()
        self._file = -1
        key = secrets.token_bytes(KEY_BYTES)
        header = Header(bits, secrets.token_bytes(16), label, keys.current, keys.wrap(key))
        self._chunk = header.chunk
        self._binding = header.binding
        self._cipher = AESGCM(key)
        self._buffer = bytearray()
        self._index = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600)
        try:
            # before a byte of it goes, so that nobody's file is lost that is still being written
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.fchmod(self._file, 0o600)
            os.ftruncate(self._file, 0)
            _all(self._file, header.pack())
        except OSError:
            os.close(self._file)
            self._file = -1
            raise

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        """Add them. Raises OSError."""
        self._buffer += data
        while len(self._buffer) >= self._chunk:
            piece = bytes(self._buffer[: self._chunk])
            del self._buffer[: self._chunk]
            self._put(piece, MORE)
        return len(data)

    def finish(self) -> None:
        """As `close`, and what is in it outlives the machine's power. Raises OSError."""
        self._close(sync=True)

    def close(self) -> None:
        """Seal the rest as the last chunk. Idempotent. Raises OSError."""
        self._close(sync=False)

    def _close(self, *, sync: bool) -> None:
        super().close()
        if self._file < 0:
            return
        try:
            self._put(bytes(self._buffer), LAST)
            if sync:
                os.fsync(self._file)
        finally:
            os.close(self._file)
            self._file = -1

    def _put(self, piece: bytes, rank: Rank) -> None:
        extra = bound(self._binding, self._index, rank)
        _all(self._file, self._cipher.encrypt(nonce(self._index, rank), piece, extra))
        self._index += 1


def _all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
