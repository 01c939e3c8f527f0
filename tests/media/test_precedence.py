"""What moves sound runs before what thinks, where the kernel allows it."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from sipagent.media.precedence import MEDIA, ahead_of_others, may_run_ahead, run_ahead

allowed = pytest.mark.skipif(not may_run_ahead(), reason="real time is not for this user")
#: sched_getscheduler tells this bit beside the policy
POLICY = ~os.SCHED_RESET_ON_FORK


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


def policy(native: int) -> int:
    return os.sched_getscheduler(native) & POLICY


@allowed
def test_threads_that_begin_within_run_ahead_and_no_others(over: threading.Event) -> None:
    before = thread(over)
    with ahead_of_others():
        within = thread(over)
    after = thread(over)
    assert policy(within) == os.SCHED_RR
    assert os.sched_getparam(within).sched_priority == MEDIA
    assert [policy(each) for each in (before, after, 0)] == [os.SCHED_OTHER] * 3


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
    assert policy(started[0]) == os.SCHED_OTHER


def test_nothing_happens_where_it_is_not_wanted(over: threading.Event) -> None:
    with ahead_of_others(wanted=False):
        within = thread(over)
    assert policy(within) == os.SCHED_OTHER


def test_a_thread_that_is_over_is_no_error() -> None:
    over = threading.Thread(target=lambda: None)
    over.start()
    over.join()
    assert over.native_id is not None
    assert not run_ahead(over.native_id)


@pytest.mark.skipif(os.geteuid() != 0, reason="who is not root is refused anyway")
def test_who_may_not_runs_as_usual() -> None:
    code = (
        "import os, resource, threading; "
        "from sipagent.media.precedence import ahead_of_others, may_run_ahead; "
        "resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0)); os.setresuid(65534, 65534, 65534); "
        "event = threading.Event(); t = threading.Thread(target=event.wait)\n"
        "with ahead_of_others(): t.start()\n"
        "print(may_run_ahead(), os.sched_getscheduler(t.native_id)); event.set()"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", str(os.SCHED_OTHER)]
