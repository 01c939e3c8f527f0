"""The seam to pjsua2: its errors as ours, its callbacks fenced, its chatter off.

pjsua2 has no type stubs, so everything that touches it is `Any` to the type checker. It stays in
this room, and what leaves the room is typed.
"""

import asyncio
import ctypes
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, TypeVar

import pjsua2 as pj

from sipagent.errors import LegFailed

_PJ_ETOOMANY = 70_010
_PJ_EINVALIDOP = 70_013
_PJSIP_EMSGTOOLONG = 171_023
_PJSIP_EINVALIDURI = 171_039
_PJSIP_ESESSIONSTATE = 171_141
_STATUS = {
    _PJ_ETOOMANY: 503,
    _PJSIP_EMSGTOOLONG: 513,
    _PJSIP_EINVALIDURI: 484,
    # an INVITE of either side is under way: later, as after a 491
    _PJ_EINVALIDOP: 491,
    _PJSIP_ESESSIONSTATE: 491,
}


class Fenced(Protocol):
    """An object whose methods are called from native code."""

    loop: asyncio.AbstractEventLoop


F = TypeVar("F", bound=Fenced)

#: what is known of each thread; gone with its Python thread state
_here = threading.local()


def fenced(callback: Callable[[F, Any], None]) -> Callable[[F, Any], None]:
    """A callback that may be called by native code, from any thread.

    An exception that leaves a callback pins its objects and aborts the process, so this is an
    edge of the process: whatever is raised goes to the loop's exception handler instead.
    """

    @wraps(callback)
    def call(self: F, argument: Any) -> None:
        try:
            callback(self, argument)
        except Exception as error:
            report(self.loop, callback.__qualname__, error)

    return call


def report(loop: asyncio.AbstractEventLoop, where: str, error: Exception) -> None:
    """Hand the loop what was raised where nobody can catch it. Any thread."""
    if not loop.is_closed():
        context = {"message": f"in {where}", "exception": error}
        loop.call_soon_threadsafe(loop.call_exception_handler, context)


def failed(error: Any) -> LegFailed:
    """A `pj.Error` as the LegFailed that a caller of a leg understands."""
    return LegFailed(_STATUS.get(int(error.status), 500), str(error.reason))


def silence_log() -> None:
    """Turn the library's own log off; it prints before its configuration can say so."""
    ctypes.CDLL(pj._pjsua2.__file__).pj_log_set_level(0)


def keep_thread_state() -> None:
    """Let the native thread we are called on keep its Python thread state from now on.

    CPython makes one for every callback and destroys it after: a third of what an empty callback
    costs. One unmatched Ensure keeps it; the thread lives as long as the process.
    """
    if not hasattr(_here, "kept"):
        _here.kept = True
        ctypes.pythonapi.PyGILState_Ensure()


def bare_uri(address: str) -> str:
    """`"Alice" <sip:alice@example.com>;tag=1` as `sip:alice@example.com`."""
    start = address.find("<")
    if start >= 0:
        return address[start + 1 :].partition(">")[0]
    return address.partition(";")[0].strip()
