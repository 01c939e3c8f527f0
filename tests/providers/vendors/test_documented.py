"""The examples of docs/hosted-speech.md hold, and the check knows the vendors' options."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from sipagent.app.plans import read_plans
from sipagent.config.settings import Provider
from sipagent.testing.server import settings_in

PAGE = Path(__file__).parents[3] / "docs" / "hosted-speech.md"


def examples() -> tuple[dict[str, Any], str]:
    """The providers of its sipagent.yaml, and its plan."""
    settings, plan = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return YAML(typ="safe").load(settings)["providers"], plan


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for vendor in ("OPENAI", "DEEPGRAM", "ELEVENLABS", "CARTESIA", "ASSEMBLYAI"):
        monkeypatch.setenv(f"{vendor}_API_KEY", "a-key")


def findings(folder: Path, plan: str, **more: Any) -> list[str]:
    providers, _ = examples()
    made = {name: Provider(**keys) for name, keys in {**providers, **more}.items()}
    _, found = read_plans(settings_in(folder, plan, providers=made))
    return [str(finding) for finding in found]


def test_the_documented_plan_passes_the_check(tmp_path: Path) -> None:
    _, plan = examples()
    assert findings(tmp_path, plan) == []


def test_the_ears_that_are_not_in_the_plan_would_do_as_well(tmp_path: Path) -> None:
    _, plan = examples()
    assert findings(tmp_path, plan.replace("provider: nova", "provider: flux")) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "deepgram", "model": "nova-3", "eot_threshold": 0.5}, "eot_threshold"),
        ({"kind": "elevenlabs", "language": "en"}, "language"),
        ({"kind": "assemblyai", "min_turn_silence": -1}, "min_turn_silence"),
    ],
)
def test_a_wrong_option_is_found_before_any_call(
    tmp_path: Path, wrong: dict[str, Any], said: str
) -> None:
    _, plan = examples()
    (found,) = findings(tmp_path, plan, nova=wrong)
    assert re.search(rf"plan\.yaml:\d+:\d+: error: agents\.desk\.ears.*{said}", found)
