"""README.md is true: what it shows works when pasted."""

import re
from pathlib import Path

import pytest

from sipagent.app.plans import read_plans
from sipagent.config import load
from sipagent.dialplan.repository import plan_files
from sipagent.events import Said
from sipagent.testing.phone import Phone
from sipagent.testing.program import run_program
from sipagent.testing.server import running

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def readme(root: Path) -> str:
    return (root / "README.md").read_text()


def blocks(readme: str, language: str) -> list[str]:
    """The code blocks of one language, in order."""
    found = [text for name, text in FENCE.findall(readme) if name == language]
    assert found
    return found


def test_the_trunk_is_sound(readme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PBX_PASSWORD", "secret")
    lines = readme.partition("\n    trunks:\n")[2].partition("\n\n")[0]
    (tmp_path / "sipagent.yaml").write_text(f"    trunks:\n{lines}\n")
    trunk = load(tmp_path / "sipagent.yaml").trunks["pbx"]
    assert trunk.registration is not None
    assert trunk.numbers is not None


def test_the_first_dialplan_is_sound(readme: str, tmp_path: Path) -> None:
    (tmp_path / "dialplans").mkdir()
    (tmp_path / "dialplans" / "hello.yaml").write_text(blocks(readme, "yaml")[0])
    checked = run_program(tmp_path, "check", "--strict", "--json")
    assert (checked.code, checked.json) == (0, [])
    explained = run_program(tmp_path, "explain", "500")
    assert explained.code == 0
    assert "hello" in explained.out


def test_the_first_dialplan_and_the_examples_live_in_one_folder(
    readme: str, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "dialplans").mkdir()
    (tmp_path / "dialplans" / "hello.yaml").write_text(blocks(readme, "yaml")[0])
    for path in plan_files([root / "dialplans"]):
        (tmp_path / "dialplans" / path.name).write_text(path.read_text())
    (tmp_path / "sipagent.yaml").write_text(f"tools: ['{root / 'tools'}']\n")
    plans, findings = read_plans(load(tmp_path / "sipagent.yaml"))
    assert not [f for f in findings if f.severity == "error"]
    assert "hello" in {plan.name for plan in plans.plans}


@pytest.mark.slow
async def test_the_first_dialplan_answers_keys(readme: str, tmp_path: Path) -> None:
    async with running(tmp_path, blocks(readme, "yaml")[0]) as server, Phone() as phone:
        call = await phone.dial(server.uri("500"))
        await call.wait_answered()
        await call.wait_for_speech(20)
        await call.press("1")
        await server.until(
            lambda e: isinstance(e, Said) and e.speaker == "agent" and "Nine to five" in e.text
        )
        await call.press("9")
        await call.wait_ended(20)
        bundle = await server.bundle()
    assert bundle.cdr.status == 200
    assert bundle.recordings == ("call.wav",)


def test_the_model_and_the_tool_are_sound_together(
    readme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_API_KEY", "secret")
    _, settings, agent, *_ = blocks(readme, "yaml")
    (tmp_path / "dialplans").mkdir()
    (tmp_path / "tools").mkdir()
    (tmp_path / "sipagent.yaml").write_text(settings)
    (tmp_path / "tools" / "stock.py").write_text(blocks(readme, "python")[0])
    plan = agent + "sections:\n  main: [answer, {ai: {agent: desk}}, hangup]\n"
    (tmp_path / "dialplans" / "desk.yaml").write_text(plan)
    plans, findings = read_plans(load(tmp_path / "sipagent.yaml"))
    assert [str(finding) for finding in findings] == []
    assert len(plans.plans) == 1


def test_the_phones_it_shows_are_settings(
    readme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PHONE_201", "PHONE_202"):
        monkeypatch.setenv(name, "secret")
    (shown,) = (text for text in blocks(readme, "yaml") if text.startswith("phones:"))
    (tmp_path / "sipagent.yaml").write_text(shown)
    settings = load(tmp_path / "sipagent.yaml")
    assert settings.phones.keys() == {"201", "202"}
    assert settings.registrar.internal_calls


def test_the_queue_it_shows_is_settings(readme: str, tmp_path: Path) -> None:
    (shown,) = (text for text in blocks(readme, "yaml") if text.startswith("queues:"))
    (tmp_path / "sipagent.yaml").write_text(shown)
    assert load(tmp_path / "sipagent.yaml").queues["support"].members == ("201", "202")


def test_every_make_target_it_names_is_there(readme: str, root: Path) -> None:
    makefile = (root / "Makefile").read_text()
    named = set(re.findall(r"\bmake (?:[A-Z]+=\S+ )?([a-z]+)\b", readme))
    named &= set(re.findall(r"(?:^    |`)make (?:[A-Z]+=\S+ )?([a-z]+)", readme, re.MULTILINE))
    assert {"demo", "test", "run"} <= named
    for target in named:
        assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE), target


def test_every_command_it_shows_exists(readme: str, tmp_path: Path) -> None:
    shown = set(re.findall(r"(?:^    |`)sipagent ([a-z]+)", readme, re.MULTILINE))
    assert {"call", "calls", "check", "explain", "schema"} <= shown
    helped = run_program(tmp_path, "--help").out
    for command in shown:
        assert re.search(rf"^│ {command} ", helped, re.MULTILINE), command


def test_every_file_it_names_is_there(readme: str, root: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", readme):
        assert (root / link).exists(), link
    for plan in re.findall(r"`(\w+\.yaml)` \(\d+", readme):
        assert (root / "dialplans" / plan).exists(), plan


def test_the_numbers_it_gives_the_examples_are_theirs(readme: str, root: Path) -> None:
    plans, _ = read_plans(load(root / "sipagent.example.yaml"))
    routes = {f"{plan.name}.yaml": plan.routes[0].to[0] for plan in plans.plans}
    said = dict(re.findall(r"`(\w+\.yaml)`\s\((\d+)", readme))
    assert said == {name: routes[name] for name in said}
    assert said.keys() == {path.name for path in plan_files([root / "dialplans"])}
