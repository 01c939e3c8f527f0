"""Faults sown into the examples, and their scenarios: a sample; `make faults` tries all."""

from pathlib import Path

import pytest

from sipagent.app.plans import house_of
from sipagent.config import Settings
from sipagent.sources import parse
from sipagent.testing.mutation.faults import faults_of
from sipagent.testing.mutation.trying import CHECK, attempt, sown
from sipagent.testing.scenarios import read_cases, scenario_files

ROOT = Path(__file__).parents[2]
SETTINGS = Settings(tools=(ROOT / "tools",))
PLAN = """
routes: [{to: "100"}]
agents:
  desk:
    prompt: "Be brief."
    brain: {provider: openai, model: m}
    intents: {hours: {phrases: ["when are you open"]}}
    tools: [transfer]
policy: {destinations: ["sip:*@pbx.example"]}
sections:
  main:
    - answer
    - play: "say:Hello there."
    - switch:
        variable: prompt_value
        case: {"1": [{connect: {to: "sip:a@b.example", timeout: 30}}]}
    - cond: [{when: "x == 1", then: [hangup]}]
    - hangup
"""


def test_faults_are_what_somebody_does_to_a_plan_by_mistake() -> None:
    sown_in = {(fault.where, fault.what) for fault in faults_of(parse(PLAN, "plan").data)}
    assert {
        ("routes[0].to", "'100' has become '101'"),
        ("policy.destinations[0]", "everything is allowed"),
        ("sections.main[1].play", "'say:Hello there.' has become 'say:This is something else.'"),
        ("sections.main[1]", "is left out"),
        ("sections.main[1]", "has changed places with the next"),
        ("sections.main[2].switch.case.1", "1 has become another key"),
        ("sections.main[2].switch.case.1[0].connect.timeout", "30 has become 3"),
        ("sections.main[3].cond[0].when", "'x == 1' has become 'x != 1'"),
    } <= sown_in
    # what happens by itself, and what only a model or its ears would notice
    places = {where for where, _ in sown_in}
    assert not places & {"sections.main[0]", "sections.main[4]", "agents.desk.prompt"}
    assert not any("intents" in where or "brain" in where for where in places)


def test_a_fault_changes_one_thing_and_leaves_the_plan_it_came_from_alone() -> None:
    data = parse(PLAN, "plan").data
    documents = [fault.document for fault in faults_of(data)]
    assert data == parse(PLAN, "plan").data
    assert all(document != data for document in documents)


@pytest.mark.parametrize("file", scenario_files([ROOT / "dialplans"]), ids=lambda file: file.name)
def test_scenarios_of_an_example_find_what_is_wrong_with_it(file: Path) -> None:
    cases = read_cases([file], SETTINGS)
    house = house_of(SETTINGS)
    # the same ones each time: those were seen to be found
    tried = [attempt(cases, fault, house) for fault in sown(Path(cases[0].plan.file), 2)]
    assert any(one.found_by not in ("", CHECK) for one in tried), tried
