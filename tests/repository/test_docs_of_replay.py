"""The settings of docs/replay.md load, and docs/simulate.md tells of every command there is."""

import re

from sipagent.config import Settings
from sipagent.sources import parse
from sipagent.testing.simulate.commands import HELP

from .conftest import ROOT


def text(name: str) -> str:
    return str((ROOT / "docs" / name).read_text(encoding="utf-8"))


def test_models_need_not_be_recorded() -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", text("replay.md"), re.DOTALL)
    assert Settings().store.model_requests
    assert not Settings(**parse(example, "replay.md").data).store.model_requests


def test_every_command_is_told() -> None:
    commands = set(re.findall(r"^(/\w+)", HELP, re.MULTILINE))
    assert len(commands) >= 7
    assert commands == set(re.findall(r"`(/\w+)", text("simulate.md")))
