"""The nursery: imports what servers and actors of tests import, then forks one for every order.

Run as `python -m sipagent.testing.nursery.server FD` by `client`. It is what the zygote is to
workers, one storey higher: no threads, no event loop, no SIP library instance. Orders come as
pickled messages with the descriptors meant for the child; each brings a socket on which its pid
and, in the end, its exit code are told. When the orders' socket closes, the nursery ends; its
children do so with what they were given.
"""

import gc
import os
import pickle
import select
import signal
import socket
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from sipagent.worker.heap import collapse_heap
from sipagent.worker.offspring import reseed

from .order import LONGEST, MOST, NUMBER, Order

#: what nearly every server or actor wants
IMPORTED = (
    "sipagent.worker.zygote",
    "sipagent.worker.main",
    "sipagent.testing.stage",
    "sipagent.providers.web.client",
    "sipagent.providers.minds.openai",
)
#: signals a child is to take as a new process does
USUAL: dict[int, Any] = {signal.SIGCHLD: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}


class Nursery:
    """Forks and reaps, on the one thread there is."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._wake, self._wake_up = socket.socketpair()
        self._wake_up.setblocking(False)
        self._tellers: dict[int, socket.socket] = {}

    def serve(self) -> None:
        """Until nobody can order any more."""
        signal.set_wakeup_fd(self._wake_up.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _noted)
        while True:
            readable, _, _ = select.select([self._orders, self._wake], [], [])
            if self._wake in readable:
                self._wake.recv(4096)
                self._reap()
            if self._orders in readable:
                data, fds, _, _ = socket.recv_fds(self._orders, LONGEST, MOST)
                if not data:
                    signal.set_wakeup_fd(-1)
                    return
                self._fork(pickle.loads(data), fds)  # noqa: S301 - from our own parent

    def _fork(self, order: Order, fds: list[int]) -> None:
        """`fds` are where to tell of it, its stdout and stderr, and what is for itself."""
        teller = socket.socket(fileno=fds[0])
        pid = os.fork()
        if pid == 0:
            teller.detach()
            self._become(order, fds[1], fds[2], fds[3:])
        for fd in fds[1:]:
            os.close(fd)
        self._tellers[pid] = teller
        with suppress(OSError):
            teller.send(NUMBER.pack(pid))

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                with self._tellers.pop(pid) as teller, suppress(OSError):
                    teller.send(NUMBER.pack(os.waitstatus_to_exitcode(status)))

    def _become(self, order: Order, out: int, err: int, own: list[int]) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number, usual in USUAL.items():
                signal.signal(number, usual)
            os.setsid()
            reseed()
            os.dup2(out, 1)
            os.dup2(err, 2)
            self._leave_open({0, 1, 2, *own})
            os.environ.clear()
            os.environ.update(order.environment)
            os.chdir(order.folder)
            sys.path[0] = order.folder
            module, _, function = order.target.partition(":")
            getattr(import_module(module), function)([a.format(*own) for a in order.arguments])
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)

    def _leave_open(self, kept: set[int]) -> None:
        """Close all other descriptors; their objects live on the stack until `_exit`."""
        for entry in list(Path("/proc/self/fd").iterdir()):
            if int(entry.name) not in kept:
                with suppress(OSError):  # the listing's own
                    os.close(int(entry.name))


def main(arguments: list[str]) -> None:
    """Import, and serve on the socket with this number."""
    orders = socket.socket(fileno=int(arguments[0]))
    orders.set_inheritable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who orders
    for module in IMPORTED:
        import_module(module)
    gc.collect()
    gc.freeze()
    collapse_heap()
    Nursery(orders).serve()


def _noted(number: int, frame: FrameType | None) -> None:
    """A signal that only has to wake `select`."""


if __name__ == "__main__":
    main(sys.argv[1:])
