"""What is wrong in a scenario file is said with file, line and key."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from sipagent.errors import ConfigError
from sipagent.sources import read
from sipagent.testing.scenarios.schema import schema

from .writing import cases

ROOT = Path(__file__).parents[2]


def findings(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        cases(folder, text)
    return [str(finding).removeprefix(f"{folder}/") for finding in caught.value.findings]


def test_a_misspelt_key_is_told_with_its_place_and_the_right_word(tmp_path: Path) -> None:
    text = "scenarios:\n  - name: a\n    steps:\n      - sais: hello\n"
    assert findings(tmp_path, text)[0].startswith(
        "desk.test.yaml:4:9: error: scenarios[0].steps[0].sais: unknown key (did you mean says?)"
    )


def test_an_expectation_is_one_thing(tmp_path: Path) -> None:
    text = "scenarios:\n  - name: a\n    steps:\n      - expects: {tool: x, verb: y}\n"
    assert "says tool and verb: an expectation is one of" in findings(tmp_path, text)[0]


def test_an_event_that_does_not_exist_is_told_with_the_nearest_one(tmp_path: Path) -> None:
    text = "scenarios:\n  - name: a\n    steps:\n      - expects: {event: gatherd}\n"
    assert "there is no event gatherd (did you mean gathered?)" in findings(tmp_path, text)[0]


def test_two_scenarios_of_one_name_and_a_mind_for_nobody_are_refused(tmp_path: Path) -> None:
    one = "  - {name: a, steps: [hangs_up], mind: {agents: {dask: [hi]}}}\n"
    told = findings(tmp_path, f"scenarios:\n{one}{one}")
    assert any("another scenario is named 'a'" in line for line in told)
    assert any("the plan has no such agent" in line for line in told)


def test_what_is_wrong_with_the_plan_is_told_too(tmp_path: Path) -> None:
    (tmp_path / "desk.yaml").write_text("sections: {}\n")
    with pytest.raises(ConfigError, match="there must be a section named main"):
        cases(tmp_path, "scenarios:\n  - {name: a, steps: [hangs_up]}\n", "sections: {}\n")


def test_the_schema_for_editors_takes_the_examples_and_refuses_nonsense() -> None:
    validator = Draft202012Validator(schema())
    for path in sorted((ROOT / "dialplans").glob("*.test.yaml")):
        # an editor sees a time as the text it is
        data = json.loads(json.dumps(read(path).data, default=str))
        problems = [error.message for error in validator.iter_errors(data)]
        assert not problems, (path, problems)
    assert list(validator.iter_errors({"scenarios": [{"name": "a", "steps": [{"sais": "x"}]}]}))
