"""The `sipagent` program from outside: what a command said, and a server as its own process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

#: for a process to say or do something, on a machine that is busy
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The whole of stdout as one JSON document. Raises ValueError."""
        return json.loads(self.out)


class Run(Protocol):
    """Some way to run a command."""

    def __call__(self, *arguments: str) -> Ran:
        """`run("check", "--json")`."""
        ...


def run_program(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Ran:
    """Run a command in `folder`, as a process of its own."""
    done = subprocess.run(  # noqa: S603
        _command(arguments),
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
        timeout=4 * PATIENCE,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


class Serving:
    """A `sipagent serve` with the sipagent.yaml of `folder`; its log goes to serve.log there."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "serve.log"
        with self.log.open("wb") as stream:
            self.process = subprocess.Popen(  # noqa: S603
                _command(["serve"]),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env={**os.environ, "SIPAGENT_LOG__FORMAT": "json"},
            )

    @property
    def address(self) -> str:
        """`host:port` of SIP, once it serves. Raises TimeoutError."""
        return str(self.wait_for("serving")["sip"])

    def wait_for(self, event: str) -> Mapping[str, Any]:
        """The first line of the log about `event`.

        Raises TimeoutError, and ChildProcessError where the server has ended.
        """
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            ended = self.process.poll() is not None
            lines = (json.loads(x) for x in self.log.read_text().splitlines() if x[:1] == "{")
            for line in lines:
                if line["event"] == event:
                    return dict(line)
            if ended:
                raise ChildProcessError(self.log.read_text())
            time.sleep(0.05)
        raise TimeoutError(f"no {event} in {self.log.read_text()}")

    def interrupt(self) -> int:
        """Ctrl-C; the exit code. Raises subprocess.TimeoutExpired."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        """Kill it if it still runs."""
        self.process.kill()
        self.process.wait(PATIENCE)


def _command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "sipagent", *arguments]
