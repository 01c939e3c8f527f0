"""The bench itself, small: every figure is there, and none is absurd."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sipagent.cli import bench as command
from sipagent.cli.program import program
from sipagent.testing.bench.run import QUICK

SMALL = replace(
    QUICK,
    echo_calls=(2,),
    echo_seconds=4.0,
    rate=4,
    rate_seconds=2.0,
    conversations=(2,),
    barge_calls=1,
)


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Every row of a small bench by group and name, as written to bench.json."""
    folder = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "QUICK", SMALL)
        done = CliRunner().invoke(program("bench"), ["bench", "--quick", "--folder", str(folder)])
    assert done.exit_code == 0, done.output
    assert all(len(line.rstrip()) <= 100 for line in done.output.splitlines())
    assert (folder / "bench.svg").read_text().startswith("<svg")
    return rows(folder)


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    report = json.loads((folder / "bench.json").read_text())
    return {f"{row['group']}: {row['name']}": row for row in report["figures"]}


pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(300)]


def test_every_figure_was_measured(figures: dict[str, dict[str, Any]]) -> None:
    assert not [name for name, row in figures.items() if row["value"] is None]
    assert {row["group"] for row in figures.values()} == {
        "floor: 2 callers and a bare UDP echo",
        "media path, 2 echo calls",
        "4 calls/s for 2 s",
        "barge-in, 1 caller at once",
        "2 conversations, VAD and turn-taking running",
    }


def test_delays_are_possible_and_above_the_floor(figures: dict[str, dict[str, Any]]) -> None:
    floor = figures["floor: 2 callers and a bare UDP echo: delay p50"]["value"]
    median = figures["media path, 2 echo calls: delay p50"]["value"]
    assert 0 < floor < median < 500
    assert median <= figures["media path, 2 echo calls: delay p99"]["value"] < 1000


def test_no_call_is_refused_and_little_is_lost(figures: dict[str, dict[str, Any]]) -> None:
    assert figures["4 calls/s for 2 s: refused or failed"]["value"] == 0
    assert figures["media path, 2 echo calls: packets lost"]["value"] < 5


def test_turns_were_taken_and_paid_for(figures: dict[str, dict[str, Any]]) -> None:
    group = "2 conversations, VAD and turn-taking running"
    assert 0 < figures[f"{group}: own overhead a turn p95"]["value"] < 500
    assert 0 < figures[f"{group}: CPU per conversation"]["value"] < 100
    assert 1 < figures[f"{group}: memory per conversation"]["value"] < 60
