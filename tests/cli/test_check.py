"""`sipagent check`: whatever is wrong is said with file, line and key, before a caller meets it."""

from pathlib import Path

import pytest

from sipagent.testing.program import Run


def edited(plan: Path, old: str, new: str) -> int:
    """Change the plan; the line (from 1) where the change begins."""
    text = plan.read_text()
    assert text.count(old) == 1
    plan.write_text(text.replace(old, new))
    return text[: text.index(old)].count("\n") + 1


def test_a_sound_plan_is_ready(run: Run, plan: Path) -> None:
    ran = run("check")
    assert ran.code == 0
    assert ran.out == "1 dialplan ready to take calls\n"
    assert run("check", "--json").json == []
    assert run("check", "--quiet").out == ""


MISTAKES = {
    "broken YAML": ("tools: [hangup]", "tools: [hangup", 1, "", "expected ',' or ']'", ""),
    "unknown verb": ("- hangup\n", "- hangpu\n", 0, "sections.main[3]", "hangpu", "hangup"),
    "unknown key": ("greeting:", "greting:", 0, "agents.reception.greting", "", "greeting"),
    "unknown word": ("goodbye", "godbuye", 0, "agents.reception.intents.bye.phrases[0]",
                     "godbuye", "other words"),
    "missing tool": ("tools: [hangup]", "tools: [hangup, lokup]", 0, "agents.reception.tools[1]",
                     "lokup", ""),
    "tool not permitted": ("tools: [hangup]", "tools: []", 3,
                           "agents.reception.intents.bye.do.hangup", "not permitted",
                           "add hangup to its tools"),
    "unknown provider": ("tools: [hangup]", "brain: {provider: intense}", 0,
                         "agents.reception.brain", "intense", "intents"),
    "unknown agent": ("{agent: reception}", "{agent: receptoin}", 0, "sections.main[2].ai",
                      "receptoin", "reception"),
    "no such section": ("- answer\n", "- execute: {dest: nowhere}\n", 0,
                        "sections.main[0].execute.dest", "nowhere", ""),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_an_error_at_its_place(run: Run, plan: Path, mistake: str) -> None:
    old, new, below, key, message, hint = MISTAKES[mistake]
    line = edited(plan, old, new) + below
    ran = run("check")
    assert ran.code == 1
    assert ran.out.splitlines()[0].startswith(f"dialplans/reception.yaml:{line}:")
    assert "0 dialplans ready" in ran.out
    (found, *_) = [f for f in run("check", "--json").json if f["severity"] == "error"]
    assert (found["file"], found["line"]) == (str(plan), line)
    assert found["key"] == key
    assert message in str(found["message"])
    assert hint in str(found["hint"])
    assert message in ran.out and hint in ran.out


def test_a_section_nothing_leads_to_is_a_warning_which_strict_makes_fail(
    run: Run, plan: Path
) -> None:
    plan.write_text(plan.read_text() + "  forgotten:\n    - hangup\n")
    ran = run("check")
    assert ran.code == 0
    assert "dialplans/reception.yaml:17:3: warning: sections.forgotten: nothing leads" in ran.out
    assert "1 dialplan ready" in ran.out
    assert run("check", "--strict").code == 1
    assert run("check", "--quiet").out == ""
    (found,) = run("check", "--json").json
    assert (found["severity"], found["line"]) == ("warning", 17)


def test_every_mistake_of_a_plan_is_told_at_once(run: Run, plan: Path) -> None:
    edited(plan, "- answer", "- anwser")
    edited(plan, "greeting:", "greting:")
    assert {f["key"] for f in run("check", "--json").json} == {
        "sections.main[0]",
        "agents.reception.greting",
    }


def test_a_mistake_in_the_settings_is_told_before_any_plan(run: Run, plan: Path) -> None:
    settings = plan.parent.parent / "sipagent.yaml"
    settings.write_text("limits:\n  cals: 3\n")
    ran = run("check")
    assert ran.code == 1
    assert ran.out == ""
    assert ran.err.startswith("sipagent.yaml:2:3: error: limits.cals:")
    assert "did you mean calls?" in ran.err


@pytest.mark.parametrize("command", ["check", "serve", "calls"])
def test_settings_that_are_not_there_are_told_in_words(run: Run, command: str) -> None:
    ran = run(command, "--config", "nowhere.yaml")
    assert ran.code == 1
    assert ran.err == "nowhere.yaml:1:1: error: cannot be read: No such file or directory\n"


def test_a_missing_secret_names_its_variable(run: Run, plan: Path) -> None:
    settings = plan.parent.parent / "sipagent.yaml"
    settings.write_text('phones:\n  "201":\n    password: ${env:NO_SUCH_SECRET}\n')
    ran = run("check")
    assert ran.code == 1
    assert ran.err.startswith("sipagent.yaml:3:5: error: phones.201.password:")
    assert "NO_SUCH_SECRET is not set" in ran.err


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("import sipagent\n\ndef broken(:\n", 3, "SyntaxError"),
        ("import no_such_library\n", 1, "no_such_library"),
        ("from sipagent.tools import tool\n\n@tool\nasync def f(a):\n    '''F.'''\n", 3, "a"),
    ],
)
def test_a_broken_tool_file_is_told_with_its_line(
    run: Run, plan: Path, text: str, line: int, words: str
) -> None:
    tools = plan.parent.parent / "tools"
    tools.mkdir()
    (tools / "mine.py").write_text(text)
    ran = run("check")
    assert ran.code == 1
    said = ran.err + ran.out
    assert said.startswith(f"tools/mine.py:{line}:1: error:")
    assert words in said


def test_a_missing_folder_of_plans_says_what_to_do(run: Run, folder: Path) -> None:
    ran = run("check")
    assert ran.code == 1
    assert ran.out.startswith("dialplans:1:1: error: there is no such file or folder")
    assert "set dialplans: in sipagent.yaml" in ran.out


def test_plans_can_be_named(run: Run, plan: Path) -> None:
    other = plan.parent.parent / "other.yaml"
    other.write_text("sections:\n  main: [answer, hangup]\n")
    assert run("check", "other.yaml").code == 0
    other.write_text("sections:\n  main: [answer, hangpu]\n")
    assert run("check", "other.yaml").out.startswith("other.yaml:2:18: error:")


SWML = """{"version": "1.0.0", "sections": {"main": [
  {"play": {"url": "say:hello", "urgency": 3}},
  "hangup"
]}}
"""


def test_plain_swml_is_checked_as_its_vendor_reads_it(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "agent.json"
    file.write_text(SWML)
    ran = run("check", str(file))
    assert ran.code == 0
    assert "unknown key of play, ignored" in ran.out.replace("\n", " ")
    assert "1 dialplan ready to take calls" in ran.out
    file.write_text(SWML.replace('"hangup"', '{"teleport": {}}'))
    ran = run("check", "--json", str(file))
    assert ran.code == 1
    assert [(f["severity"], f["key"]) for f in ran.json] == [
        ("warning", "sections.main[0].play.urgency"),
        ("error", "sections.main[1].teleport"),
    ]


def test_a_url_is_checked_by_asking_it(run: Run, plan: Path) -> None:
    ran = run("check", "--json", "http://127.0.0.1:1/agent")
    assert ran.code == 1
    assert [(f["file"], f["severity"]) for f in ran.json] == [("http://127.0.0.1:1/agent", "error")]
    assert "to permit it write" in ran.json[0]["message"]
