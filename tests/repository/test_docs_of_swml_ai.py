"""docs/swml-ai.md lists every parameter where the code has it, and its settings are settings."""

import re

import pytest

from sipagent.config.settings import Settings
from sipagent.dialplan.swml.params import rows
from sipagent.sources import parse

from .conftest import ROOT

DOC = (ROOT / "docs" / "swml-ai.md").read_text(encoding="utf-8")
BEGINS = {
    "works": "Do here what they say: ",
    "near": "Come close: ",
    "others": "For functions and reports",
    "ignored": "Accepted without effect: ",
}


@pytest.mark.parametrize("state", BEGINS)
def test_every_parameter_is_listed_by_what_becomes_of_it(state: str) -> None:
    [paragraph] = [p for p in DOC.split("\n\n") if p.startswith(BEGINS[state])]
    listed = set(re.findall(r"`(\w+)`", paragraph))
    assert listed == {name for name, own, _ in rows() if own == state}


def test_the_example_is_settings() -> None:
    [example] = re.findall(r"```yaml settings\n(.*?)```", DOC, re.DOTALL)
    settings = Settings(**parse(example, "sipagent.yaml").data)
    assert settings.swml.models["gpt-4.1-mini"].provider == "fast"
