"""The JSON Schema of dialplans, and the examples."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from sipagent.dialplan.lint import House, check
from sipagent.dialplan.repository import plan_files
from sipagent.dialplan.schema import schema
from sipagent.providers.registry import SPEAKING
from sipagent.sources import read
from sipagent.tools.loader import load_tools
from sipagent.tools.toolbox import Toolbox
from sipagent.verbs import VERBS

ROOT = Path(__file__).parents[2]
EXAMPLES = plan_files([ROOT / "dialplans"])
SCHEMA = Draft202012Validator(schema())
#: the two destinations reception.yaml has in order to be refused
REFUSED = {"policy will refuse +39899123456", "policy will refuse +12125550123"}


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_valid_by_the_schema(path: Path) -> None:
    assert [error.message for error in SCHEMA.iter_errors(read(path).data)] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_passes_the_check(path: Path) -> None:
    tools = load_tools([ROOT / "tools"], reserved=VERBS)
    house = House(Toolbox(tools, VERBS), writes_itself=lambda ref: SPEAKING.get(ref.provider))
    plan, findings = check(read(path), house)
    assert plan is not None
    assert {f.message for f in findings} == (REFUSED if path.stem == "reception" else set())


def test_there_are_examples() -> None:
    names = {"reception", "menu", "hunt", "model", "transfers", "text"}
    assert {path.stem for path in EXAMPLES} >= names


@pytest.mark.parametrize(
    "main",
    [
        [{"anser": {}}],
        [{"play": {"ulr": "say:hi"}}],
        [{"sleep": "soon"}],
        [{"cond": [{"when": "true", "then": [{"nothing": {}}]}]}],
        ["play"],
        "answer",
    ],
)
def test_the_schema_refuses_what_is_wrong(main: object) -> None:
    assert not SCHEMA.is_valid({"sections": {"main": main}})


@pytest.mark.parametrize(
    "main",
    [
        ["answer", "hangup"],
        [{"sleep": 500}, {"sleep": {"duration": "${vars.pause}"}}],
        [{"set": {"a": 1}}, {"return": [1, 2]}, {"unset": ["a", "b"]}],
        [{"connect": {"to": "+4412", "headers": [{"name": "X-A", "value": "b"}]}}],
        [{"ai": {"prompt": {"text": "be kind"}, "SWAIG": {}, "params": {}}}],
    ],
)
def test_the_schema_takes_what_swml_writes(main: object) -> None:
    assert [e.message for e in SCHEMA.iter_errors({"sections": {"main": main}})] == []
