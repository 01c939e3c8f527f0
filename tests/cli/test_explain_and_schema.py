"""`sipagent explain` and `schema`: what a call would meet, and what editors complete with."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from sipagent.dialplan.repository import plan_files
from sipagent.sources import read
from sipagent.testing.program import Run

REPOSITORY = Path(__file__).parents[2]

NIGHT = """routes:
  - {to: "100", when: {start: "18:00", end: "08:00"}}
sections: {main: [answer, hangup]}
"""
VIP = """routes:
  - {to: "100", headers: {X-Tier: gold}}
sections: {main: [answer, hangup]}
"""


def test_the_plan_that_takes_a_call_is_named_with_the_reason(run: Run, plan: Path) -> None:
    ran = run("explain", "100")
    assert ran.code == 0
    assert ran.out.split() == ["✓", "reception", "to", "100", "dialplans/reception.yaml"]


def test_a_number_nobody_answers_is_404(run: Run, plan: Path) -> None:
    ran = run("explain", "555")
    assert ran.code == 1
    assert "✗  reception  to 555 does not match 100" in ran.out
    assert "no plan takes 555: the caller gets 404" in ran.out


def test_the_time_can_be_given(run: Run, plan: Path) -> None:
    (plan.parent / "night.yaml").write_text(NIGHT)
    taken = {
        at: run("explain", "100", "--at", f"2026-11-23T{at}").out.split()[1]
        for at in ("12:00", "23:00")
    }
    assert taken == {"12:00": "reception", "23:00": "night"}


def test_headers_can_be_given(run: Run, plan: Path) -> None:
    (plan.parent / "vip.yaml").write_text(VIP)
    assert run("explain", "100").out.split()[1] == "reception"
    assert run("explain", "100", "--header", "X-Tier: gold").out.split()[1] == "vip"
    wrong = run("explain", "100", "--header", "gold")
    assert wrong.code == 1
    assert wrong.err == "error: 'gold' is no header: write `Name: value`\n"


def test_a_plan_that_matches_too_is_shown_as_less_specific(run: Run, plan: Path) -> None:
    (plan.parent / "all.yaml").write_text("sections: {main: [answer, hangup]}\n")
    out = " ".join(run("explain", "100").out.split())
    assert out.startswith("✓ reception to 100")
    assert "matches too, but is less specific" in out


@pytest.mark.parametrize("path", plan_files([REPOSITORY / "dialplans"]), ids=str)
def test_the_schema_takes_every_example(run: Run, path: Path) -> None:
    schema = run("schema").json
    Draft202012Validator.check_schema(schema)
    assert not list(Draft202012Validator(schema).iter_errors(read(path).data))


def test_the_schema_refuses_an_unknown_verb(run: Run) -> None:
    validator = Draft202012Validator(run("schema", "dialplan").json)
    assert validator.is_valid({"sections": {"main": ["answer", "hangup"]}})
    assert not validator.is_valid({"sections": {"main": ["answer", "hangpu"]}})


def test_the_schema_of_settings_takes_the_example_and_refuses_a_typing_error(run: Run) -> None:
    schema = run("schema", "settings").json
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    example = read(REPOSITORY / "sipagent.example.yaml").data
    assert not list(validator.iter_errors(example))
    assert not validator.is_valid({**example, "dialplan": ["plans"]})
