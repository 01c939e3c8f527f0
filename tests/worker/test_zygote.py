"""The zygote, looked at in this process."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipagent.config import Settings
from sipagent.worker.home import Home
from sipagent.worker.zygote import Orders, Zygote


@pytest.fixture
def signals() -> Iterator[None]:
    """What was to happen on SIGCHLD happens again afterwards."""
    usual = signal.getsignal(signal.SIGCHLD)
    yield
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, usual)


@pytest.mark.usefixtures("signals")
def test_workers_that_die_after_the_gateway_wake_nobody(tmp_path: Path) -> None:
    control, gateway = socket.socketpair()
    gateway.close()
    orders = Orders(Home(tmp_path, ("127.0.0.1", 9), b"secret"), Settings())
    with control, pytest.raises(ConnectionError):
        Zygote(control, lambda token, home, settings: 0, orders).serve()
    assert signal.set_wakeup_fd(-1) == -1
