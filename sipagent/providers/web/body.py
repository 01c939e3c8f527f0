"""Bodies of unknown size, unpacked within a bound."""

import zlib

from sipagent.call.web import WebFailed

#: gzip and zlib, told apart by their headers
_ANY_WINDOW = 47
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})


class Body:
    """Takes chunks as they come; never holds more than `most` bytes and one chunk."""

    def __init__(self, encoding: str, most: int, shown: str) -> None:
        self._most = most
        self._shown = shown
        self._raw = 0
        self._held = bytearray()
        kind = encoding.strip().lower()
        if kind not in ("", "identity", *_PACKED):
            raise WebFailed(f"{shown}: came as {kind[:20]}, which was not asked for")
        self._unpack = zlib.decompressobj(_ANY_WINDOW) if kind in _PACKED else None

    def feed(self, chunk: bytes) -> None:
        """Raises WebFailed where it is too much, or is not what it says it is."""
        self._raw += len(chunk)
        if self._unpack is not None:
            room = self._most - len(self._held) + 1
            try:
                chunk = self._unpack.decompress(chunk, room)
            except zlib.error as error:
                raise WebFailed(f"{self._shown}: a packed body that cannot be unpacked") from error
        self._held += chunk
        if max(self._raw, len(self._held)) > self._most:
            raise WebFailed(f"{self._shown}: larger than {self._most} bytes")

    def whole(self) -> bytes:
        """All of it."""
        return bytes(self._held)
