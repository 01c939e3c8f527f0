"""What moves sound comes before what thinks, where the kernel allows it."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipagent.media.precedence import NICENESS, ahead_of_others, may_run_ahead, run_ahead

allowed = pytest.mark.skipif(not may_run_ahead(), reason="not for this user")


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """Threads of a test wait for it."""
    event = threading.Event()
    yield event
    event.set()


def thread(over: threading.Event) -> int:
    started = threading.Thread(target=over.wait, daemon=True)
    started.start()
    assert started.native_id is not None
    return started.native_id


def niceness(native: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, native)


@allowed
def test_threads_that_begin_within_run_ahead_and_no_others(over: threading.Event) -> None:
    before = thread(over)
    with ahead_of_others():
        within = thread(over)
    after = thread(over)
    assert [niceness(each) for each in (before, within, after, 0)] == [0, NICENESS, 0, 0]


@allowed
def test_what_such_a_thread_starts_runs_as_usual(over: threading.Event) -> None:
    started: list[int] = []
    done = threading.Event()

    def begin() -> None:
        assert run_ahead()
        started.append(thread(over))
        done.set()

    threading.Thread(target=begin).start()
    assert done.wait(10)
    assert niceness(started[0]) == 0


def test_nothing_happens_where_it_is_not_wanted(over: threading.Event) -> None:
    with ahead_of_others(wanted=False):
        within = thread(over)
    assert niceness(within) == 0


def test_a_thread_that_is_over_is_no_error() -> None:
    beyond = int(Path("/proc/sys/kernel/pid_max").read_text()) + 1  # no thread has this number
    assert not run_ahead(beyond)


@pytest.mark.skipif(os.geteuid() != 0, reason="who is not root is refused anyway")
def test_who_may_not_runs_as_usual() -> None:
    code = (
        "import os, resource, threading; "
        "from sipagent.media.precedence import ahead_of_others, may_run_ahead; "
        "resource.setrlimit(resource.RLIMIT_NICE, (0, 0)); os.setresuid(65534, 65534, 65534); "
        "event = threading.Event(); t = threading.Thread(target=event.wait)\n"
        "with ahead_of_others(): t.start()\n"
        "print(may_run_ahead(), os.getpriority(os.PRIO_PROCESS, t.native_id)); event.set()"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "0"]
