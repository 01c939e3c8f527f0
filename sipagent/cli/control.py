"""`sipagent reload` and `sipagent restart`: a running server looks at its settings again."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rich.markup import escape

from sipagent.app.plans import open_plans
from sipagent.app.reload_report import ReloadReport, read_report
from sipagent.app.state import read_pid, started_at
from sipagent.config import Settings
from sipagent.errors import SipAgentError

from .style import ConfigOption, out, settings_from

T = TypeVar("T")
_PATIENCE = 90.0
_LOOK_SECONDS = 0.1


def reload(config: ConfigOption = None) -> None:
    """Check settings and dialplans, and have the running server take them; calls go on."""
    settings, pid = _checked(config)
    since = time.time()
    os.kill(pid, signal.SIGHUP)
    report = _wait(lambda: _newer(settings.state_folder, since), pid)
    if report.problem:
        raise SipAgentError(f"nothing was changed: {report.problem}")
    out.print(f"changed: {', '.join(report.changed) or 'dialplans and certificates only'}")
    for key in report.waiting:
        out.print(f"[yellow]{escape(key)} waits for a restart[/]: sipagent restart keeps calls")


def restart(config: ConfigOption = None) -> None:
    """Check settings and dialplans, and have the server start anew; live calls go on."""
    settings, pid = _checked(config)
    before = started_at(settings.state_folder)
    os.kill(pid, signal.SIGUSR2)
    _wait(lambda: started_at(settings.state_folder) != before or None, pid)
    out.print("restarted")


def _checked(config: Path | None) -> tuple[Settings, int]:
    """Raises ConfigError where the server could not take them, SipAgentError where none runs."""
    settings = settings_from(config)
    open_plans(settings)
    pid = read_pid(settings.state_folder)
    if pid is None:
        raise SipAgentError(f"no server is running on these settings ({settings.state_folder})")
    return settings, pid


def _newer(folder: Path, since: float) -> ReloadReport | None:
    report = read_report(folder)
    return report if report is not None and report.at.timestamp() >= since else None


def _wait(look: Callable[[], T | None], pid: int) -> T:
    """What `look` finds. Raises SipAgentError where the server ends, or does not do it in time."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            raise SipAgentError("the server has ended; its log says why") from None
        time.sleep(_LOOK_SECONDS)
    raise SipAgentError(f"the server did not do it in {_PATIENCE:g} s; its log says why")
