"""Processes for tests, forked from one that has imported everything."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sipagent.testing.nursery.client import Nursery

LESSON = """
import json, os, random, signal, socket, sys

def tell(arguments):
    wire = socket.socket(fileno=int(arguments[0]))
    names = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    open_files = [os.readlink(name) for name in names if os.path.islink(name)]
    facts = {
        "said": arguments[1],
        "word": os.environ.get("WORD"),
        "folder": os.getcwd(),
        "sockets": sum(file.startswith("socket:") for file in open_files),
        "random": random.random(),
        "usual": signal.getsignal(signal.SIGINT) == signal.default_int_handler,
        "imported": "sipagent.worker.main" in sys.modules,
    }
    wire.sendall(json.dumps(facts).encode())

def leave(arguments):
    raise SystemExit(int(arguments[0]))

def fail(arguments):
    raise ValueError("as was to be shown")

def wait(arguments):
    signal.pause()
"""


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """One for the tests here: it takes seconds to import what it does."""
    made = Nursery()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the children find their lesson."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lesson.py").write_text(LESSON)
    return tmp_path


async def _tells(nursery: Nursery) -> dict[str, Any]:
    """What a child finds about itself."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            child = await nursery.bear("lesson:tell", ["{0}", "hello"], theirs.fileno())
        assert await child.wait() == 0
        return dict(json.loads(ours.recv(4096)))


async def test_a_child_has_our_folder_and_environment_and_nothing_of_others(
    nursery: Nursery, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper = await nursery.bear("lesson:wait", [])
    monkeypatch.setenv("WORD", "heather")
    first = await _tells(nursery)
    monkeypatch.delenv("WORD")
    second = await _tells(nursery)
    sleeper.kill()
    await sleeper.wait()
    assert first.pop("random") != second.pop("random")
    as_new = {"said": "hello", "folder": str(folder), "usual": True, "imported": True}
    assert first == {**as_new, "word": "heather", "sockets": 1}
    assert second == {**as_new, "word": None, "sockets": 1}


async def test_how_a_child_ended_is_told(
    nursery: Nursery, capfd: pytest.CaptureFixture[str]
) -> None:
    left = await nursery.bear("lesson:leave", ["7"])
    failed = await nursery.bear("lesson:fail", [])
    killed = await nursery.bear("lesson:wait", [])
    killed.kill()
    assert [await child.wait() for child in (left, failed, killed)] == [7, 1, -signal.SIGKILL]
    with pytest.raises(ProcessLookupError):
        killed.kill()
    assert "ValueError: as was to be shown" in capfd.readouterr().err


async def test_a_nursery_that_died_is_replaced(nursery: Nursery) -> None:
    child = await nursery.bear("lesson:wait", [])
    parent = int(Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(parent, signal.SIGKILL)
    assert await child.wait() == -signal.SIGKILL  # nobody is left to know
    os.kill(child.pid, signal.SIGKILL)
    assert (await _tells(nursery))["said"] == "hello"


async def test_a_nursery_that_cannot_import_says_so(
    nursery: Nursery, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = folder / "broken" / "pjsua2"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text('raise ImportError("libmissing.so.2")\n')
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join((str(broken.parent), os.environ.get("PYTHONPATH", "")))
    )
    other = Nursery()
    try:
        with pytest.raises(ChildProcessError, match="nursery died"):
            await other.bear("lesson:leave", ["0"])
    finally:
        other.close()
