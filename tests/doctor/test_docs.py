"""docs/doctor.md lists what the checks can say, and nothing else."""

from pathlib import Path

from sipagent.doctor.check import COMMON
from sipagent.doctor.checks import CHECKS
from sipagent.doctor.findings import Ailment

DOC = Path(__file__).parents[2] / "docs" / "doctor.md"
EVERY = {ailment.code: ailment for check in CHECKS for ailment in check.ailments}


def row(ailment: Ailment) -> str:
    return f"| `{ailment.code}` | {ailment.severity} | {ailment.cause} | {ailment.cure} |"


def test_the_tables_are_those_of_the_checks() -> None:
    rows = [line for line in DOC.read_text().splitlines() if line.startswith("| `")]
    assert sorted(rows) == sorted(map(row, [*EVERY.values(), *COMMON]))


def test_every_check_has_its_heading() -> None:
    headings = [x for x in DOC.read_text().splitlines() if x.startswith("### ")]
    assert headings == [*(f"### {c.name}: {c.title}" for c in CHECKS), "### any check"]


def test_a_code_means_one_thing() -> None:
    for check in CHECKS:
        for ailment in check.ailments:
            assert EVERY[ailment.code] == ailment
