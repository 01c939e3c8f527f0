"""`sipagent bench capacity`, small: real calls, a server in its own process, files at the end."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sipagent.cli.program import program

_SMALL = ("--start", "1", "--most", "2", "--seconds", "2", "--settle", "0.5")


@pytest.mark.slow
def test_conversations_are_held_and_told(tmp_path: Path) -> None:
    words = ["bench", "capacity", "--with", "talk", "--folder", str(tmp_path), *_SMALL]
    done = CliRunner().invoke(program("bench"), words)
    assert done.exit_code == 0, done.output
    (found,) = json.loads((tmp_path / "capacity.json").read_text())["configurations"]
    assert found["whole"], "whatever a busy machine holds, the search comes to its end"
    assert found["steps"][0]["calls"] == 1
    measured = [step for step in found["steps"] if step["seconds"]]
    assert measured
    for step in measured:
        assert 50 < step["heard"]["packets"] < 2 * step["calls"] * 50 * (step["seconds"] + 1)
        assert step["cpu_per_call"] > 0
        assert step["cost"]["worker_mib"] > 1
    assert found["kept"]["calls"] >= 1
    assert found["kept"]["bundle_bytes"] > 1000
    assert "talk" in (tmp_path / "capacity.md").read_text()
    assert (tmp_path / "capacity.svg").read_text().startswith("<svg")


def test_a_configuration_that_is_none_is_told(tmp_path: Path) -> None:
    done = CliRunner().invoke(program("bench"), ["bench", "capacity", "--with", "tlak"])
    assert done.exit_code == 2
    assert "'tlak' is none of talk, embedded-ears" in " ".join(done.output.split())


def test_a_server_that_is_not_there_is_no_measurement(tmp_path: Path) -> None:
    words = ["bench", "capacity", "--folder", str(tmp_path), *_SMALL, "--target", "sip:1@[nowhere"]
    done = CliRunner().invoke(program("bench"), words)
    assert done.exit_code == 1
    (found,) = json.loads((tmp_path / "capacity.json").read_text())["configurations"]
    assert "cannot call sip:1@[nowhere" in found["failed"]
