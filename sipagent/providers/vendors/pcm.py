"""Pcm: a vendor's streamed sound to the call's rate, whatever the pieces it comes in."""

import struct
from collections.abc import Iterator

from sipagent.media.resample import Resampler

#: seconds of speech one sentence can come to; more is a vendor gone wild
LONGEST = 300
_HEADER_LIMIT = 4_096
_NO_SIZE = 0x7FFF0000


class NotPcm(ValueError):
    """The sound is not mono 16-bit PCM; the text says what it is."""


class PcmStream:
    """Feed it raw s16le mono at `source` Hz, or a WAV stream, which tells its own rate; take
    whole samples at `target` Hz. `HQ` resampling: speech is made faster than it is played.
    """

    def __init__(self, source: int, target: int) -> None:
        self._source = source
        self._target = target
        self._resampler: Resampler | None = None
        self._rest = b""
        #: bytes of samples still to come, None where nobody knows
        self._left: int | None = None

    def feed(self, data: bytes) -> bytes:
        """More of it. Raises NotPcm."""
        self._rest += data
        if self._resampler is None and not self._begun():
            return b""
        assert self._resampler is not None
        whole = len(self._rest) & ~1
        pcm, self._rest = self._rest[:whole], self._rest[whole:]
        if self._left is not None:
            # behind the samples of a file there may be titles and the like
            pcm = pcm[: self._left]
            self._left -= len(pcm)
        return self._resampler.feed(pcm) if pcm else b""

    def finish(self) -> bytes:
        """What was held back; half a sample is dropped."""
        if self._resampler is None:
            return b""
        return self._resampler.finish()

    def _begun(self) -> bool:
        """Is it known what comes? True once it is."""
        if len(self._rest) < 12 and b"RIFF".startswith(self._rest[:4]):
            return False
        rate = self._source
        if self._rest.startswith(b"RIFF"):
            found = _wav(self._rest)
            if found is None:
                if len(self._rest) > _HEADER_LIMIT:
                    raise NotPcm("a WAV without data")
                return False
            rate, start, self._left = found
            self._rest = self._rest[start:]
        self._resampler = Resampler(rate, self._target, "HQ")
        return True


def _wav(data: bytes) -> tuple[int, int, int | None] | None:
    """Rate, where the samples begin and how many bytes they are; None while the header is not
    whole. Raises NotPcm.

    A streamed file cannot know its size: servers write none, or the largest there is.
    """
    rate = None
    for name, start, size in _chunks(data):
        if name == b"data":
            if rate is None:
                raise NotPcm("a WAV without a format")
            return rate, start, size & ~1 if 0 < size < _NO_SIZE else None
        if name == b"fmt ":
            if len(data) < start + 16:
                return None
            form, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, start)
            # 0xFFFE says that the form stands in an extension, and what follows is PCM mostly
            if form not in (1, 0xFFFE) or channels != 1 or bits != 16:
                raise NotPcm(f"WAV of form {form}, {channels} channels, {bits} bits")
            if not 4_000 <= rate <= 192_000:
                raise NotPcm(f"WAV of {rate} Hz")
    return None


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and size of each chunk whose head is there."""
    place = 12
    while place + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        yield name, place + 8, size
        place += 8 + size + size % 2
