"""Zygote: imports everything once, then forks a worker for every line on its control socket.

Run as `python -m sipagent.worker.zygote` by `spawner`. It has no threads, no event loop and no
SIP library instance: a fork inherits none of the three in a usable state. The control socket
carries pickled Orders (`<length><bytes>`) and then one token a line, down; and lines up:
`up THREADS`, `forked TOKEN PID`, `dead PID CODE`. When it closes, the zygote ends and the kernel
ends those of its workers that have no call (`offspring`).
"""

import argparse
import gc
import importlib
import os
import pickle
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import structlog

from sipagent.config import Settings
from sipagent.log import configure

from .heap import collapse_heap
from .home import Home
from .offspring import die_with_the_parent, reseed

log = structlog.get_logger(__name__)

#: What a worker is: `run(token, home, settings)`, returning its exit code.
Entry = Callable[[str, Home, Settings], int]
#: What is loaded before the first fork: `preload(settings)`.
Preload = Callable[[Settings], None]

#: Thread pools that would start on import or first use and be missing in every fork.
SINGLE_THREADED = {
    "OMP_THREAD_LIMIT": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
_LENGTH = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class Orders:
    """What every worker of a zygote is told."""

    home: Home
    settings: Settings


class Zygote:
    """Forks and reaps. Everything here runs on the one thread there is."""

    def __init__(self, control: socket.socket, entry: Entry, orders: Orders) -> None:
        self._control = control
        self._entry = entry
        self._orders = orders
        self._pid = os.getpid()
        self._wake, self._wake_up = socket.socketpair()
        self._wake_up.setblocking(False)

    def serve(self) -> None:
        """Fork on demand until the gateway closes the control socket, or dies."""
        signal.set_wakeup_fd(self._wake_up.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _noted)
        try:
            self._serve()
        finally:
            # Children still die, of which nobody is to be told any more.
            signal.set_wakeup_fd(-1)
            self._wake.close()
            self._wake_up.close()

    def _serve(self) -> None:
        rest = b""
        self._tell(f"up {_threads()}")
        while True:
            readable, _, _ = select.select([self._control, self._wake], [], [])
            if self._wake in readable:
                self._wake.recv(4096)
                self._reap()
            if self._control in readable:
                data = self._control.recv(65_536)
                if not data:
                    return
                *tokens, rest = (rest + data).split(b"\n")
                for token in tokens:
                    self._fork(token.decode())

    def _fork(self, token: str) -> None:
        pid = os.fork()
        if pid == 0:
            self._become_worker(token)
        self._tell(f"forked {token} {pid}")

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                self._tell(f"dead {pid} {os.waitstatus_to_exitcode(status)}")

    def _tell(self, line: str) -> None:
        self._control.sendall(line.encode() + b"\n")

    def _become_worker(self, token: str) -> NoReturn:
        try:
            self._shed()
            code = self._entry(token, self._orders.home, self._orders.settings)
        except BaseException:
            # The edge of the process: whatever it was, it is logged and must not run the
            # zygote's own code further up the stack.
            log.exception("worker_failed", worker=token)
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        # Ordinary teardown with live SIP objects aborts.
        os._exit(code)

    def _shed(self) -> None:
        """Drop what is the zygote's: its signals, its sockets, its random state."""
        die_with_the_parent(self._pid)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for owned in (self._control, self._wake, self._wake_up):
            owned.close()
        reseed()


def main(arguments: list[str] | None = None) -> None:
    """Load, report, and serve."""
    parser = argparse.ArgumentParser(prog="python -m sipagent.worker.zygote")
    parser.add_argument("--control", type=int, required=True, help="inherited socket")
    parser.add_argument("--entry", required=True, help="package.module:function")
    parser.add_argument("--preload", default="", help="package.module:function")
    options = parser.parse_args(arguments)
    os.environ.update(SINGLE_THREADED)
    for number in (signal.SIGINT, signal.SIGTERM):
        # A service manager signals the whole group: the gateway drains, then ends us itself. A
        # handler rather than SIG_IGN, which programs started by workers would inherit.
        signal.signal(number, _noted)
    control = socket.socket(fileno=options.control)
    control.set_inheritable(False)
    # Pickled by our own parent: secrets stay whole and the environment is not read twice.
    orders: Orders = pickle.loads(_frame(control))  # noqa: S301
    configure(orders.settings.log, node=orders.settings.node)
    try:
        entry = _resolve(options.entry)
        if options.preload:
            _resolve(options.preload)(orders.settings)
    except (ImportError, OSError) as error:
        # A library or model that is missing or does not fit this machine: words, not a traceback.
        log.error("zygote_cannot_load", cause=f"{type(error).__name__}: {error}")
        raise SystemExit(1) from error
    gc.collect()
    gc.freeze()
    log.debug("zygote_heap", huge_pages=collapse_heap())
    with suppress(ConnectionError):
        Zygote(control, entry, orders).serve()


def _noted(number: int, frame: FrameType | None) -> None:
    """A signal that only has to wake `select`, or to do nothing."""


def _resolve(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


def _frame(control: socket.socket) -> bytes:
    (length,) = _LENGTH.unpack(_exactly(control, _LENGTH.size))
    return _exactly(control, length)


def _exactly(control: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = control.recv(size - len(data))
        if not more:
            raise SystemExit("the gateway went away before it sent its settings")
        data += more
    return data


def _threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


if __name__ == "__main__":
    main()
