"""Commands in this process, and a folder for them to work in."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from sipagent.cli import main
from sipagent.testing.program import Ran, Run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and a screen of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.fixture
def run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """`run("check", "--json")` in `folder`."""

    def command(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["sipagent", *arguments])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    handlers = logging.getLogger().handlers[:]
    yield command
    # `serve` sends the log to this test's stderr, which ends with the test.
    structlog.reset_defaults()
    logging.getLogger().handlers = handlers


#: settings of a server on free ports
FREE_PORTS = """
sip:
  listen:
    - {transport: udp, host: 127.0.0.1, port: 0}
    - {transport: tcp, host: 127.0.0.1, port: 0}
"""
#: a plan without a fault, which answers keys
PLAN = """version: 1.0.0
routes:
  - to: "100"
agents:
  reception:
    greeting: "Rossi and Sons, good morning."
    tools: [hangup]
    intents:
      hours: {phrases: ["when are you open"], digits: "1", say: "Nine to five."}
      bye: {phrases: ["goodbye"], digits: "9", say: "Goodbye.", do: {hangup: {}}}
sections:
  main:
    - answer
    - record_call: {stereo: true}
    - ai: {agent: reception}
    - hangup
"""


@pytest.fixture
def plan(folder: Path) -> Path:
    """A sound plan at dialplans/reception.yaml, and settings for a server on free ports."""
    path = folder / "dialplans" / "reception.yaml"
    path.parent.mkdir()
    path.write_text(PLAN)
    (folder / "sipagent.yaml").write_text(FREE_PORTS)
    return path
