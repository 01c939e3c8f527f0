"""docs/swml-verbs.md: its examples load, and what it says of keys is what the tests know."""

import re
from pathlib import Path

import pytest

from sipagent.dialplan.load import load
from sipagent.sources import parse
from sipagent.verbs import VERBS
from sipagent.verbs.blocks import Ignored

DOC = (Path(__file__).parents[2] / "docs" / "swml-verbs.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_plan(example: str) -> None:
    assert load(parse(example, "example.yaml")).program["main"]


def test_every_key_without_effect_is_named() -> None:
    told = DOC.partition("### Keys without effect")[2]
    idle = {
        info.alias or key
        for verb in VERBS.values()
        for key, info in verb.model_fields.items()
        if any(isinstance(mark, Ignored) for mark in info.metadata)
    }
    assert {key for key in idle if key not in told} == set()


def test_every_verb_that_tells_a_status_url_is_in_the_table() -> None:
    table = DOC.partition("## Status URLs")[2].partition("## Payments")[0]
    telling = {n for n, v in VERBS.items() if "status_url" in v.model_fields}
    assert {name for name in telling if name not in table} - {"receive_fax"} == set()
