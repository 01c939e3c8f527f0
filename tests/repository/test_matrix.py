"""docs/*-matrix.md: made from tests that passed, and never older than their markers."""

import json
from pathlib import Path

import pytest

from sipagent.testing.matrix import rfc, swml
from sipagent.testing.matrix.rfc import UnknownRfc, render
from sipagent.testing.matrix.rows import Row, marked, passed
from sipagent.testing.matrix.swml import UnknownFeature

RFCS = {"3261": {"title": "SIP", "not_done": ["S/MIME"]}, "3262": {"title": "PRACK"}}
MODULE = """
import pytest
pytestmark = pytest.mark.rfc("3262", "all")
@pytest.mark.rfc("3261", "one")
@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.rfc("3261", "two"))])
async def test_it(x): ...
def test_other(): ...
def helper(): ...
"""


def test_the_matrix_says_what_the_tests_are_marked_with(root: Path) -> None:
    committed = (root / rfc.MATRIX).read_text()
    assert committed == render(marked(root), rfc.titles(root)), "run `make matrix`"


def test_the_matrix_of_swml_says_what_the_tests_are_marked_with(root: Path) -> None:
    committed = (root / swml.MATRIX).read_text()
    wanted = swml.render(marked(root, "swml"), swml.features(root))
    assert committed == wanted, "run `make matrix`"


def test_a_feature_nobody_shows_is_not_done_unless_it_says_why() -> None:
    features = {
        "verb": {"play": {"weight": "A"}, "if": {"why": "no schema"}},
        **{"param": {}, "action": {"say": {"weight": "must", "why": "in English"}}},
        "data_map": {},
    }
    text = swml.render({Row("action say", "is heard", "tests/a.py::x")}, features)
    assert "| `play` | A | **not done** | | |\n" in text
    assert "| `if` |  | no schema | | |\n" in text
    assert "| `say` | must | done; in English | is heard | `a.py::x` |\n" in text
    assert "## Verbs: 0 of 2" in text and "## Actions of functions: 1 of 1" in text


def test_a_feature_that_is_not_listed_is_refused() -> None:
    with pytest.raises(UnknownFeature, match="verb paly"):
        swml.render(
            {Row("verb paly", "x", "y")}, {k: {} for k in ("verb", "param", "action", "data_map")}
        )


def test_markers_are_found_where_they_stand(tmp_path: Path) -> None:
    (tmp_path / "tests" / "room").mkdir(parents=True)
    (tmp_path / "tests" / "room" / "test_x.py").write_text(MODULE)
    test, other = ("tests/room/test_x.py::test_it", "tests/room/test_x.py::test_other")
    assert marked(tmp_path) == {
        Row("3261", "one", test),
        Row("3261", "two", test),
        Row("3262", "all", test),
        Row("3262", "all", other),
    }


def test_a_test_counts_only_when_all_of_it_passed() -> None:
    rows = [["3261", "one"]]
    results = {
        "tests/a.py::test_a[1]": {"rows": rows, "passed": True},
        "tests/a.py::test_a[2]": {"rows": rows, "passed": False},
        "tests/a.py::test_b[1]": {"rows": rows, "passed": True},
    }
    assert passed(results) == {Row("3261", "one", "tests/a.py::test_b")}


def test_rows_stand_once_with_all_their_tests_and_what_is_not_done_below() -> None:
    text = render({Row("3261", "one", "tests/a::x"), Row("3261", "one", "tests/b::y")}, RFCS)
    assert "| one | `a::x`<br>`b::y` |\n\nNot done:\n\n- S/MIME\n" in text
    assert "PRACK" not in text


def test_an_rfc_without_a_title_is_refused() -> None:
    with pytest.raises(UnknownRfc, match="9999"):
        render({Row("9999", "x", "y")}, RFCS)


@pytest.mark.filterwarnings("ignore")
def test_a_run_writes_what_passed_and_takes_back_what_fails(
    pytester: pytest.Pytester, root: Path
) -> None:
    pytester.makeini("[pytest]\nmarkers =\n rfc(number, what): row\n")
    pytester.makeconftest((root / "tests" / "conftest.py").read_text())
    module = 'import pytest\n@pytest.mark.rfc("1", "w")\ndef test_x(): assert {}\n'
    for good in (True, False):
        pytester.makepyfile(test_x=module.format(good))
        pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider")
        results = json.loads((pytester.path / "build" / "rfc.json").read_text())
        assert results == {"test_x.py::test_x": {"rows": [["1", "w"]], "passed": good}}
