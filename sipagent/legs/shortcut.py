"""Conference ports that are called straight from C, past pjsua2's directors.

For every upcall a director makes Python objects of the frame and of its vector, and looks its
method up by name. There are three upcalls a cycle, fifty cycles a second, in every call: more than
all the rest of the media thread. So functions of our own are put into a port's struct
(`pjmedia_port`, pjmedia/port.h), whose layout is proven before it is trusted: functions in C where
they were built (rings.py), else Python's.
"""

import asyncio
import ctypes
import os
import struct
from collections.abc import Callable
from ctypes import byref, c_int, c_size_t, c_uint32, c_uint64, c_void_p, memmove, string_at
from pathlib import Path
from typing import Any

import pjsua2 as pj

from sipagent.errors import LegFailed
from sipagent.media.frames import FRAME_MS, frame_bytes, frame_samples

from .native import report
from .rings import Ring

#: the next 20 ms of PCM to be heard, or None for silence
Give = Callable[[], bytes | None]
#: 20 ms of PCM that was said; empty for silence
Take = Callable[[bytes], None]

_FILE = pj._pjsua2.__file__
_AUDIO, _NONE = int(pj.PJMEDIA_FRAME_TYPE_AUDIO), int(pj.PJMEDIA_FRAME_TYPE_NONE)
Upcall = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p)
#: where the format's figures stand in a `pjmedia_port`, and its two functions
_FORMAT, _PUT, _GET = 36, 96, 104
#: bytes of a port's pool: the port and its name
_POOL = 512


class PjFrame(ctypes.Structure):
    """`pjmedia_frame` (pjmedia/frame.h)."""

    _fields_ = (
        ("type", c_int),
        ("buf", c_void_p),
        ("size", c_size_t),
        ("timestamp", c_uint64),
        ("bit_info", c_uint32),
    )


class _Symbol(ctypes.Structure):
    """`Dl_info` (dladdr(3))."""

    _fields_ = (
        ("file", ctypes.c_char_p),
        ("base", c_void_p),
        ("name", ctypes.c_char_p),
        ("address", c_void_p),
    )


class Shortcut:
    """Makes ports for a conference at `rate` Hz; they live as long as the process."""

    def __init__(self, endpoint: Any, rate: int) -> None:
        """`endpoint` is a `pj.Endpoint` that was started."""
        self._endpoint = endpoint
        self._rate = rate
        self._library = ctypes.CDLL(_FILE)
        self._library.pjsua_pool_create.restype = c_void_p
        self._kept: list[Any] = []

    def proven(self) -> bool:
        """Is the library laid out as expected? Until then nothing is written to its memory."""
        port = self._port()
        figures = struct.pack("<4I", self._rate, 1, FRAME_MS * 1000, 16)
        if port is None or string_at(port + _FORMAT, len(figures)) != figures:
            return False
        return _is_code(port + _PUT) and _is_code(port + _GET) and self._served(port)

    def proven_with(self, ring: Ring) -> bool:
        """Does the library take what C gives it, and the other way round? Asked after `proven`."""
        mouth, ear = ring.lend()
        port, said = self._port(), os.urandom(ring.size)
        if port is None or not self._give_to(ring, port):
            return False
        ring.listen(True)
        mouth.put(said)
        buffer = ctypes.create_string_buffer(ring.size)
        frame = PjFrame(_NONE, ctypes.addressof(buffer), ring.size, 0, 0)
        self._library.pjmedia_port_get_frame(c_void_p(port), byref(frame))
        if (frame.type, frame.size, buffer.raw) != (_AUDIO, ring.size, said):
            return False
        self._library.pjmedia_port_put_frame(c_void_p(port), byref(frame))
        self._library.pjmedia_port_get_frame(c_void_p(port), byref(frame))
        silent = (frame.type, frame.size) == (_NONE, 0)
        self._library.pjmedia_port_put_frame(c_void_p(port), byref(frame))
        heard = [frame.pcm for frame in (ear.take(), ear.take()) if frame is not None]
        return silent and heard == [said, bytes(ring.size)] and ear.take() is None

    def open_on(self, ring: Ring, *, ticks: bool = False) -> Any:
        """A new member of the conference (`pj.AudioMedia`), served by `ring`; or one that `ticks`
        its hub's clock, and neither says nor hears anything. Raises LegFailed where it is full.
        """
        port = self._port()
        if port is None or not self._give_to(ring, port, ticks=ticks):
            raise LegFailed(503, "the conference takes no more ports")
        return self._join(port)

    def _give_to(self, ring: Ring, port: int, *, ticks: bool = False) -> bool:
        if not ring.rings.seat(ring.at, port):
            return False
        self._kept.append(ring)
        if ticks:
            _put_function(port + _GET, ring.rings.address("tick"))
        else:
            _put_function(port + _GET, ring.rings.address("get"))
            _put_function(port + _PUT, ring.rings.address("put"))
        return True

    def open(self, give: Give, take: Take | None, loop: asyncio.AbstractEventLoop) -> Any:
        """A new member of the conference (`pj.AudioMedia`), served on the media thread by these
        two. Raises LegFailed where the conference is full.
        """
        port = self._port()
        if port is not None:
            giving = _giving(give, frame_bytes(self._rate), loop)
            self._serve(port, giving, take and _taking(take, loop))
        return self._join(port)

    def _join(self, port: int | None) -> Any:
        slot = c_int(pj.PJSUA_INVALID_ID)
        if port is not None:
            add = self._library.pjsua_conf_add_port
            add(c_void_p(self._pool()), c_void_p(port), byref(slot))
        members = self._endpoint.mediaEnumPorts2()
        self._kept.append(members)  # which its items are parts of
        for member in members:
            if member.getPortId() == slot.value:
                return member
        raise LegFailed(503, "the conference takes no more ports")

    def _pool(self) -> int | None:
        pool: int | None = self._library.pjsua_pool_create(b"port", _POOL, _POOL)
        return pool

    def _port(self) -> int | None:
        """The address of a new port that says and hears nothing."""
        port = c_void_p()
        self._library.pjmedia_null_port_create(
            c_void_p(self._pool()), self._rate, 1, frame_samples(self._rate), 16, byref(port)
        )
        return port.value

    def _serve(self, port: int, give: Any, take: Any | None) -> None:
        """Have these called in the place of the port's own, which do nothing."""
        for offset, function in ((_GET, give), (_PUT, take)):
            if function is not None:
                upcall = Upcall(function)
                self._kept.append(upcall)
                _put_function(port + offset, ctypes.cast(upcall, c_void_p).value)

    def _served(self, port: int) -> bool:
        """Does the library fill a frame as we read it, and call what we put into a port?"""
        size = frame_bytes(self._rate)
        buffer = ctypes.create_string_buffer(b"\1" * size, size)
        frame = PjFrame(_NONE, ctypes.addressof(buffer), size, 0, 0)
        get, put = self._library.pjmedia_port_get_frame, self._library.pjmedia_port_put_frame
        get(c_void_p(port), byref(frame))
        if (frame.type, frame.size, buffer.raw) != (_AUDIO, size, bytes(size)):
            return False
        seen: list[tuple[str, int, int]] = []

        def noting(what: str) -> Callable[[int, int], int]:
            def note(at: int, address: int) -> int:
                seen.append((what, at, address))
                return 0

            return note

        self._serve(port, noting("get"), noting("put"))
        get(c_void_p(port), byref(frame))
        put(c_void_p(port), byref(frame))
        place = ctypes.addressof(frame)
        return seen == [("get", port, place), ("put", port, place)]


def _giving(give: Give, size: int, loop: asyncio.AbstractEventLoop) -> Callable[[int, int], int]:
    """`size` is that of a frame, and of the library's room for it: nothing else is written."""

    def get_frame(_: int, address: int) -> int:
        frame = PjFrame.from_address(address)
        frame.type, frame.size = _NONE, 0
        try:
            pcm = give()
            if pcm is not None:
                if len(pcm) != size:
                    raise ValueError(f"a frame of {len(pcm)} bytes in place of {size}")
                memmove(frame.buf, pcm, size)
                frame.type, frame.size = _AUDIO, size
        except Exception as error:
            report(loop, "a conference port that is read", error)
        return 0

    return get_frame


def _taking(take: Take, loop: asyncio.AbstractEventLoop) -> Callable[[int, int], int]:
    def put_frame(_: int, address: int) -> int:
        frame = PjFrame.from_address(address)
        try:
            take(string_at(frame.buf, frame.size) if frame.size else b"")
        except Exception as error:
            report(loop, "a conference port that is written to", error)
        return 0

    return put_frame


def _put_function(place: int, address: int | None) -> None:
    c_void_p.from_address(place).value = address


def _is_code(place: int) -> bool:
    """Does a function of the library stand in this word?"""
    symbol = _Symbol()
    address = c_void_p.from_address(place).value
    if address is None or not ctypes.CDLL(None).dladdr(c_void_p(address), byref(symbol)):
        return False
    return symbol.file is not None and Path(os.fsdecode(symbol.file)).samefile(_FILE)
