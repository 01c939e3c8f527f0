"""`sipagent simulate` at the command line, its lines from a pipe."""

from io import StringIO
from pathlib import Path

import pytest

from sipagent.testing.program import Run

PLAN = """
routes: [{to: "4711"}]
agents:
  desk:
    greeting: "Rossi and Sons."
    intents: {hours: {phrases: ["when are you open"], say: "From nine to five."}}
  night: {greeting: "We are asleep."}
sections: {main: [answer, {ai: {agent: desk}}, hangup]}
"""


@pytest.fixture
def piped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan here, and lines on the standard input."""
    (folder / "plan.yaml").write_text(PLAN)
    monkeypatch.setattr("sys.stdin", StringIO("When are you open?\n/hangup\n"))


@pytest.mark.usefixtures("piped")
def test_a_talk_is_shown_with_the_time_of_the_call(run: Run) -> None:
    ran = run("simulate", "plan.yaml")
    lines = [line.split() for line in ran.out.splitlines()]
    assert ran.code == 0
    assert ["0.00", "agent", "Rossi", "and", "Sons."] in lines
    assert [">", "When", "are", "you", "open?"] in lines
    assert "From nine to five." in ran.out and "(by caller)" in ran.out


@pytest.mark.usefixtures("piped")
def test_one_agent_can_be_talked_with_alone(run: Run) -> None:
    assert "We are asleep." in run("simulate", "plan.yaml", "--agent", "night").out


@pytest.mark.usefixtures("piped")
def test_what_cannot_be_simulated_is_said(run: Run) -> None:
    for arguments, words in (
        (["absent.yaml"], "there is no dialplan absent.yaml"),
        (["plan.yaml", "--agent", "nite"], "no agent 'nite'; its agents: desk, night"),
        (["plan.yaml", "--var", "x"], "--var x: it is NAME=VALUE"),
    ):
        ran = run("simulate", *arguments)
        assert (ran.code, words in " ".join(ran.err.split())) == (1, True), ran.err
