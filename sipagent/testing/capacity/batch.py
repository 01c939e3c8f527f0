"""Batch: the RTP packets that came on many sockets, read with as few calls as the kernel allows.

recvmmsg(2) by ctypes, on Linux of 64 bits: five packets of a call cost what one does otherwise.
"""

import ctypes
import errno
import socket
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sipagent.testing import audio
from sipagent.testing.rtp import FRAME_SAMPLES

#: Linux: the kernel stamps each datagram as it arrives, however busy we are (socket(7))
SO_TIMESTAMPNS = 35
#: packets of one socket that are read at once; the rest is read the next time
MOST = 64
_BYTES, _CONTROL, _HEADER = 256, 64, 12
#: where the stamp stands behind its cmsghdr
_STAMP = 16
#: every so many samples are enough to know speech from silence
_EVERY = 4
_POWERS = np.array([audio.level("PCMU", bytes([code])) ** 2 for code in range(256)])
_MESSAGE = np.dtype(
    [
        ("name", "u8"),
        ("namelen", "u8"),
        ("iov", "u8"),
        ("iovlen", "u8"),
        ("control", "u8"),
        ("controllen", "u8"),
        ("flags", "u8"),
        ("length", "u8"),
    ]
)
_IOVEC = np.dtype([("base", "u8"), ("length", "u8")])
# it does not block, so there is nothing to let others run for
_recvmmsg = ctypes.PyDLL(None, use_errno=True).recvmmsg
_recvmmsg.argtypes = (
    *(ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int),
    ctypes.c_void_p,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Arrived:
    """Packets, line after line and each line's in order of arrival. `at` is the kernel's stamp on
    the wall clock in seconds, `level` the RMS in 16-bit units.
    """

    line: Ints
    at: Floats
    sequence: Ints
    timestamp: Ints
    ssrc: Ints
    level: Floats


class Batch:
    """Room for so many packets at a time."""

    def __init__(self, packets: int = 4096) -> None:
        self._room = max(packets, MOST)
        self._data = np.zeros((self._room, _BYTES), np.uint8)
        self._control = np.zeros((self._room, _CONTROL), np.uint8)
        self._iovecs = np.zeros(self._room, _IOVEC)
        self._messages = np.zeros(self._room, _MESSAGE)
        each = np.arange(self._room, dtype=np.uint64)
        self._iovecs["base"] = self._data.ctypes.data + each * _BYTES
        self._iovecs["length"] = _BYTES
        self._messages["iov"] = self._iovecs.ctypes.data + each * _IOVEC.itemsize
        self._messages["iovlen"] = 1
        self._messages["control"] = self._control.ctypes.data + each * _CONTROL
        self._messages["controllen"] = _CONTROL

    def read(self, sockets: Iterable[tuple[int, int]]) -> Arrived | None:
        """What waits on each of `sockets` (number of the line, descriptor), which do not block;
        None where nothing came.
        """
        lines: list[int] = []
        counts: list[int] = []
        filled = 0
        for line, descriptor in sockets:
            most = min(MOST, self._room - filled)
            if not most:
                break
            read = _read(descriptor, self._messages[filled:].ctypes.data, most)
            if read > 0:
                lines.append(line)
                counts.append(read)
                filled += read
        return self._taken(np.repeat(lines, counts), filled) if filled else None

    def _taken(self, lines: npt.NDArray[np.int64], filled: int) -> Arrived | None:
        messages, data = self._messages[:filled], self._data[:filled]
        # the kernel writes the lengths; the upper half of this word is padding
        lengths = messages["length"] & 0xFFFFFFFF
        stamps = self._control[:filled, _STAMP : _STAMP + 16].copy().view(np.int64)
        messages["controllen"] = _CONTROL
        # RTP, version 2, and no RTCP (RFC 5761 section 4)
        kind = data[:, 1] & 0x7F
        rtp = (lengths > _HEADER) & (data[:, 0] >> 6 == 2) & ((kind < 72) | (kind > 76))
        if not rtp.any():
            return None
        words = data[:, :_HEADER].copy().view(">u4")[rtp].astype(np.int64)
        sound = data[rtp, _HEADER : _HEADER + FRAME_SAMPLES : _EVERY]
        whole = lengths[rtp] >= _HEADER + FRAME_SAMPLES
        return Arrived(
            line=lines[rtp],
            at=(stamps[:, 0] + stamps[:, 1] * 1e-9)[rtp],
            sequence=words[:, 0] & 0xFFFF,
            timestamp=words[:, 1],
            ssrc=words[:, 2],
            level=np.sqrt(_POWERS[sound].mean(axis=1)) * whole,
        )


def _read(descriptor: int, messages: int, most: int) -> int:
    """How many came. That a packet of ours found nobody is told once, in place of what came."""
    for _ in range(2):
        read = int(_recvmmsg(descriptor, messages, most, socket.MSG_DONTWAIT, None))
        if read >= 0 or ctypes.get_errno() != errno.ECONNREFUSED:
            return read
    return -1
