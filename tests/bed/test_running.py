"""The bed as a user runs it: a plan, scenarios, a report; from Python and from the shell."""

import json
import re
from pathlib import Path

import pytest

from sipagent.testing.bed.__main__ import main
from sipagent.testing.bed.real import Tried
from sipagent.testing.bed.run import PLAIN, run_scenarios
from sipagent.testing.bed.scenario import Line, Scenario, load_scenarios

_PAGE = Path(__file__).parents[2] / "docs" / "testing-conversations.md"
_HASTY = """
agents:
  hasty: {end_of_turn_ms: 200, complete_ms: 100, patient_ms: 300}
  calm: {end_of_turn_ms: 900}
sections: {main: [answer, {ai: {agent: calm}}]}
"""
_NUMBER = Scenario(name="numbers", lines=(Line(say="it is 4 9 3 [600] 5 5 1"),), times=2)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.yaml"
    path.write_text(_HASTY)
    return path


def test_the_plans_agent_is_the_one_that_is_tried(plan: Path) -> None:
    scenario = Scenario(name="questions", lines=(Line(say="where is my order"),), times=3)
    hasty, calm = (run_scenarios(plan, [scenario], agent=name) for name in ("hasty", "calm"))
    answers = [
        [trial.answer_ms for outcome in results.outcomes for trial in outcome.trials]
        for results in (hasty, calm)
    ]
    assert len(answers[0]) == len(answers[1]) == 3
    assert max(ms or 0 for ms in answers[0]) < 500 < min(ms or 0 for ms in answers[1])


def test_a_caller_who_says_nothing_is_asked() -> None:
    scenario = Scenario(name="silent", expects="asked", patience_ms=12_000)
    (outcome,) = run_scenarios(Tried({"silence_seconds": 8}), [scenario]).outcomes
    (trial,) = outcome.trials
    assert trial.met
    assert 7000 < (trial.answer_ms or 0) < 9000


def test_an_agent_that_never_speaks_breaks_the_scenario_and_not_the_run() -> None:
    mute = Scenario(name="mute", expects="yielded", lines=(Line(say="stop"),), says=".")
    results = run_scenarios(PLAIN, [mute, _NUMBER])
    assert results.broken == ("mute: the agent does not speak",)
    assert len(results.outcomes[1].trials) == 2


def test_the_shell_writes_a_report_and_tells_by_its_exit_what_came_of_it(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenarios = tmp_path / "scenarios.yaml"
    scenarios.write_text("scenarios: [{name: questions, lines: [where is my order]}]\n")
    common = ["--plan", str(plan), "--scenarios", str(scenarios), "--out", str(tmp_path / "out")]
    assert main([*common, "--agent", "calm"]) == 0
    data = json.loads((tmp_path / "out" / "bed.json").read_text())
    assert data["stage"] == "simulated"
    assert {figure["group"] for figure in data["figures"]} == {"questions"}
    page = (tmp_path / "out" / "bed.md").read_text()
    assert "| answered | 100 % | ≥ 98 | held |" in page
    for name in ("times.svg", "figures.svg", "questions.svg"):
        assert (tmp_path / "out" / name).read_text().startswith("<svg")
    assert main(common) == 2
    assert "name one of the agents (hasty, calm)" in capsys.readouterr().err


def test_a_goal_that_is_missed_ends_the_run_with_1(tmp_path: Path) -> None:
    plan = tmp_path / "deaf.yaml"
    plan.write_text(
        "agents: {deaf: {barge_in: {enabled: false}}}\n"
        "sections: {main: [answer, {ai: {agent: deaf}}]}\n"
    )
    scenarios = tmp_path / "scenarios.yaml"
    long = " ".join(["This is a long speech."] * 20)
    scenarios.write_text(
        f"scenarios: [{{name: over, expects: yielded, says: {long!r}, lines: [please stop it]}}]\n"
    )
    out = str(tmp_path / "out")
    assert main(["--plan", str(plan), "--scenarios", str(scenarios), "--out", out]) == 1


def test_the_examples_of_the_page_are_scenarios(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", _PAGE.read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        path = tmp_path / "scenarios.yaml"
        path.write_text(block)
        assert load_scenarios(path)
