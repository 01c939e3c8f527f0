"""Heavy libraries are imported where they are wanted, and nowhere else."""

import subprocess
import sys
from pathlib import Path

import pytest

from sipagent.config import Provider, Settings
from sipagent.providers.decoding import wants_containers
from sipagent.providers.late import Late
from sipagent.providers.registry import late_kinds
from sipagent.worker.house import plan_texts

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


@pytest.mark.parametrize("heavy", ["pydantic_ai", "av"])
def test_a_worker_that_needs_no_heavy_library_does_not_import_it(heavy: str) -> None:
    code = f"import sys, sipagent.worker.main; sys.exit('{heavy}' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_server_whose_settings_or_plans_name_one_loads_it_before_the_first_fork(
    tmp_path: Path,
) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("agents: {a: {brain: {provider: intents}}}")
    settings = Settings(dialplans=(tmp_path,))
    assert not late_kinds(settings, plan_texts(settings))
    plan.write_text("agents: {a: {brain: {provider: openai, model: m}}}")
    assert late_kinds(settings, plan_texts(settings))
    assert late_kinds(Settings(), plan_texts(Settings(dialplans=(plan,))))
    plan.unlink()
    assert not late_kinds(settings, plan_texts(settings))
    configured = settings.model_copy(update={"providers": {"mine": Provider(kind="openai")}})
    assert late_kinds(configured, ())


def test_plans_that_are_not_there_want_nothing(tmp_path: Path) -> None:
    assert plan_texts(Settings(dialplans=(tmp_path / "missing",))) == []


@pytest.mark.parametrize(
    ("plan", "wanted"),
    [(b"play: prompts/hello.wav", False), (b"play: moh.mp3", True), (b"play: https://a/b", True)],
)
def test_plans_that_play_coded_sound_want_the_decoder(plan: bytes, wanted: bool) -> None:
    assert wants_containers([b"version: 1.0.0", plan]) is wanted
