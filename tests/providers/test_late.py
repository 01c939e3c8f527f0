"""Heavy libraries are imported where they are wanted, and nowhere else."""

import subprocess
import sys
from pathlib import Path

import pytest

from sipagent.config import Provider, Settings
from sipagent.providers.late import Late
from sipagent.worker.house import wants_language_model

MODULE = """
made = []
def preload():
    made.append("preloaded")
def make(kit, name, options):
    made.append((kit, name, options))
    return f"organ of {name}"
"""


def test_a_late_kind_is_imported_by_its_first_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_heavy_kind.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    late: Late[str] = Late("a_heavy_kind")
    assert "a_heavy_kind" not in sys.modules
    assert late("kit", "mine", {"model": "m"}) == "organ of mine"
    late.preload()
    assert sys.modules["a_heavy_kind"].made == [("kit", "mine", {"model": "m"}), "preloaded"]


def test_a_worker_that_needs_no_language_model_does_not_import_one() -> None:
    code = "import sys, sipagent.worker.main; sys.exit('pydantic_ai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_server_whose_settings_or_plans_name_one_loads_it_before_the_first_fork(
    tmp_path: Path,
) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("agents: {a: {brain: {provider: intents}}}")
    settings = Settings(dialplans=(tmp_path,))
    assert not wants_language_model(settings)
    plan.write_text("agents: {a: {brain: {provider: openai, model: m}}}")
    assert wants_language_model(settings)
    assert wants_language_model(Settings(dialplans=(plan,)))
    plan.unlink()
    assert not wants_language_model(settings)
    configured = settings.model_copy(update={"providers": {"mine": Provider(kind="openai")}})
    assert wants_language_model(configured)


def test_plans_that_are_not_there_want_nothing(tmp_path: Path) -> None:
    assert not wants_language_model(Settings(dialplans=(tmp_path / "missing",)))
