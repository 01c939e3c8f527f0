"""What every run of the tests has in common: no deadlines for examples, and what it leaves behind:
which rows of docs/rfc-matrix.md and docs/swml-matrix.md it has shown.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings

from sipagent.testing.matrix.rows import MARKS, Mark, results_of

# how long an example takes says more about the machine than about us
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
#: rooms where tests place calls or start processes; elsewhere time is virtual
REAL = {
    *("api", "cli", "console", "contract", "conversations", "doctor", "gateway", "interop"),
    *("legs", "meeting", "replay", "sdk", "signalling", "transports", "webrtc", "worker"),
}
#: for the tests of this very file
pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """A test, or a library it imports, that configures the log does so for itself alone."""
    known, is_ours = structlog.get_config(), structlog.is_configured()
    yield
    if structlog.get_config() != known:
        if is_ours:
            structlog.configure(**known)
        else:
            structlog.reset_defaults()


class Shown:
    """Collects, from the reports of this process or of xdist's, marked tests and their fate."""

    def __init__(self, mark: Mark, root: Path) -> None:
        self._mark = mark
        self._path = root / results_of(mark)
        self._results: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        rows = [value for name, value in report.user_properties if name == self._mark]
        if not rows or (report.when == "setup" and report.passed):
            return
        known = self._results.get(report.nodeid)
        good = report.passed and (known is None or known["passed"])
        self._results[report.nodeid] = {"rows": rows, "passed": good}

    def pytest_sessionfinish(self) -> None:
        if not self._results:
            return
        before = json.loads(self._path.read_text()) if self._path.exists() else {}
        self._path.parent.mkdir(exist_ok=True)
        self._path.write_text(json.dumps(before | self._results, indent=1, sort_keys=True))


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # a worker of xdist reports to the one that has it
        for mark in MARKS:
            config.pluginmanager.register(Shown(mark, config.rootpath))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        for name in MARKS:
            for mark in item.iter_markers(name):
                row: list[object] = list(mark.args)
                item.user_properties.append((name, row))
    if hasattr(config, "workerinput"):
        items.sort(key=_when)


def _when(item: pytest.Item) -> tuple[bool, float, bool]:
    """Real calls first, and of them the longest: they wait while others compute, and no process
    is left at the end with one that lasts for minutes.
    """
    limit = item.get_closest_marker("timeout")
    slow = item.get_closest_marker("slow") is not None
    if item.get_closest_marker("xdist_group") is not None:  # stays together, in its own order
        return False, 0.0, False
    room = item.path.relative_to(item.config.rootpath / "tests").parts[0]
    return not slow, -float(limit.args[0]) if slow and limit else 0.0, room not in REAL
