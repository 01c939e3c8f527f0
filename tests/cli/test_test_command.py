"""`sipagent test`, from the shell."""

import asyncio
import json
from pathlib import Path

from typer.testing import CliRunner

from sipagent.cli.program import program
from sipagent.testing.model_server import ModelServer

PLAN = 'routes: [{to: "100"}]\nsections: {main: [answer, {play: "say:Hello."}, hangup]}\n'
GOOD = "scenarios:\n  - {name: greets, steps: [{expects: Hello}]}\n"
BAD = "scenarios:\n  - name: greets\n    steps:\n      - expects: Goodbye\n"


def sipagent(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(program("test"), ["test", *arguments])
    return result.exit_code, result.output


def test_it_tells_what_failed_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "hello.yaml").write_text(PLAN)
    (tmp_path / "hello.test.yaml").write_text(GOOD)
    code, said = sipagent(str(tmp_path), "--jobs", "1")
    assert code == 0 and "1 passed" in said
    (tmp_path / "hello.test.yaml").write_text(BAD)
    code, said = sipagent(str(tmp_path / "hello.yaml"), "--jobs", "1", "--repeat", "2")
    assert code == 1
    assert "hello.test.yaml:4" in said and "plan: Hello." in said
    assert "hello.test.yaml::greets: 2 of 2 failed" in said


def test_files_that_are_wrong_end_with_two(tmp_path: Path) -> None:
    (tmp_path / "hello.yaml").write_text(PLAN)
    assert sipagent(str(tmp_path / "hello.yaml"))[0] == 2
    (tmp_path / "hello.test.yaml").write_text(GOOD.replace("expects", "expect"))
    code, said = sipagent(str(tmp_path))
    assert code == 2 and "did you mean expects?" in said


def test_it_prints_the_schema_for_editors() -> None:
    code, said = sipagent("--schema")
    assert code == 0 and json.loads(said)["title"] == "sipagent scenarios"


MODEL = """
agents:
  desk:
    prompt: "You are the desk."
    brain: {{provider: openai, model: scripted, base_url: "{url}", api_key: sk-very-secret}}
sections: {{main: [answer, {{ai: {{agent: desk}}}}, hangup]}}
"""
TAPED = """
scenarios:
  - name: asks
    mind: {cassette: desk.json}
    steps: [{says: when are you open}, {expects: nine to five}]
"""


async def test_a_real_model_is_recorded_once_and_not_asked_again(tmp_path: Path) -> None:
    plan, scenarios = tmp_path / "desk.yaml", tmp_path / "desk.test.yaml"
    scenarios.write_text(TAPED)
    async with ModelServer(["We are open from nine to five."]) as server:
        plan.write_text(MODEL.format(url=server.base_url))
        code, said = await asyncio.to_thread(sipagent, str(plan))
        assert code == 2 and "sipagent test --record" in said
        code, said = await asyncio.to_thread(sipagent, str(plan), "--record")
        assert (code, len(server.chats)) == (0, 1), said
    assert "sk-very-secret" not in (tmp_path / "desk.json").read_text()
    code, said = await asyncio.to_thread(sipagent, str(plan), "--jobs", "1")
    assert code == 0 and "1 passed" in said
