"""`sipagent replay` at the command line."""

import json
from pathlib import Path

import pytest

from sipagent.config import Settings
from sipagent.dialplan.load import load
from sipagent.sources import parse
from sipagent.testing.program import Run
from sipagent.testing.rehearsal import Rehearsal
from sipagent.testing.replay.rehearsed import on_record

PLAN = """
routes: [{to: "100"}]
agents:
  desk:
    greeting: "Rossi and Sons."
    intents: {hours: {phrases: ["when are you open"], digits: "1", say: "From nine to five."}}
sections: {main: [answer, {ai: {agent: desk}}, hangup]}
"""


async def asks(call: Rehearsal) -> None:
    await call.presses("1")
    await call.presses("1")
    await call.waits(3)
    await call.hangs_up()


@pytest.fixture
def call(folder: Path) -> str:
    """The id of a call on record here."""
    on_record(folder / "calls" / "c1", load(parse(PLAN, "p.yaml")), Settings(tools=()), asks)
    return "c1"


def test_a_call_that_decides_the_same_again_is_exit_code_0(call: str, run: Run) -> None:
    ran = run("replay", call)
    assert ran.code == 0 and "The same was decided, said and asked." in ran.out


def test_what_differs_is_exit_code_1_and_stands_in_the_report(
    call: str, folder: Path, run: Run
) -> None:
    (folder / "new.yaml").write_text(PLAN.replace("nine to five.", "nine to eight."))
    ran = run("replay", f"calls/{call}", "--plan", "new.yaml", "--html", "report.html")
    assert ran.code == 1 and "2 differences." in ran.out
    assert "<del>five.</del> <ins>eight.</ins>" in (folder / "report.html").read_text()
    ran = run("replay", call, "--plan", "new.yaml", "--json")
    data = json.loads(ran.out)
    assert ran.code == 1 and data["same"] is False
    now = [row["after"]["what"] for row in data["rows"] if not row["same"]]
    assert now == 2 * ["From nine to eight."]


def test_what_cannot_be_replayed_is_exit_code_2(call: str, folder: Path, run: Run) -> None:
    (folder / "broken.yaml").write_text("agents: {desk: {greting: Hello}}")
    (folder / "some.zip").write_bytes(b"no zip")
    for arguments, words in (
        (["20260101-000000-nobody"], "there is no file, folder or call"),
        (["some.zip"], "not a zip"),
        ([call, "--plan", "absent.yaml"], "there is no dialplan absent.yaml"),
        ([call, "--plan", "broken.yaml"], "greting"),
        ([call, "--agent", "dsk"], "no agent 'dsk'; its agents: desk"),
    ):
        ran = run("replay", *arguments)
        assert (ran.code, words in " ".join(ran.err.split())) == (2, True), ran.err
