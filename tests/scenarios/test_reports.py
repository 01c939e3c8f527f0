"""What is written of a run: coverage, JUnit, and the page for people."""

import re
from pathlib import Path
from xml.etree import ElementTree

from sipagent.testing.scenarios import Result, play, run
from sipagent.testing.scenarios.coverage import coverage, percent
from sipagent.testing.scenarios.junit import junit
from sipagent.testing.scenarios.page import page

from .writing import cases

TEXT = """
scenarios:
  - name: hours
    steps: [{says: when are you open}, {expects: nine to five}]
  - name: "<b>late</b>"
    steps: [{says: when are you open}, {expects: {hears: ten to six, patience: 3}}]
"""


def results(folder: Path) -> list[Result]:
    return run(cases(folder, TEXT))


def test_coverage_names_what_was_not_reached_with_its_line(tmp_path: Path) -> None:
    covered = coverage(results(tmp_path))
    missed = {(place.kind, place.name) for place in covered[0].missed}
    assert missed == {("intent", "desk: sales"), ("intent", "desk: bye"), ("step", "main: hangup")}
    lines = {place.name: place.line for place in covered[0].missed}
    assert lines["desk: sales"] == 9
    assert 0 < percent(covered) < 100


def test_junit_has_a_case_for_each_run_and_says_where_it_failed(tmp_path: Path) -> None:
    root = ElementTree.fromstring(junit(results(tmp_path)))
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    failed = root.findall(".//testcase[failure]")
    assert [case.get("name") for case in failed] == ["<b>late</b>"]
    told = failed[0].findtext("failure") or ""
    assert "desk.test.yaml:6" in told and "instead: agent: Nine to five." in told


def test_the_page_needs_nothing_beside_it_and_writes_no_markup_of_a_scenario(
    tmp_path: Path,
) -> None:
    found = results(tmp_path)
    made = page(found, coverage(found), "Tests")
    assert "<b>late</b>" not in made and "&lt;b&gt;late&lt;/b&gt;" in made
    assert not re.search(r"(src|href)=['\"](?!#)|@import|url\((?!#)", made)
    assert made.count("<svg") == 2 and "prefers-color-scheme: dark" in made


def test_processes_and_repeats_give_what_one_process_gives(tmp_path: Path) -> None:
    several = run(cases(tmp_path, TEXT), repeat=2, jobs=2)
    alone = run(cases(tmp_path, TEXT), repeat=2)
    assert [(r.name, r.run, r.passed, r.seconds) for r in several] == [
        (r.name, r.run, r.passed, r.seconds) for r in alone
    ]
    assert play(cases(tmp_path, TEXT)[0]).seconds == alone[0].seconds
