"""The figures that are shipped, and the document that shows them."""

import json
from pathlib import Path

import pytest

from sipagent.testing.capacity.measured import measurement
from sipagent.testing.capacity.publish import publish, put

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "sipagent" / "testing" / "capacity" / "measured.json"
DOCUMENT = ROOT / "docs" / "capacity.md"


def test_the_document_shows_the_figures_that_are_reckoned_with() -> None:
    told = json.loads(FIGURES.read_text())
    shown = DOCUMENT.read_text().partition("<!-- measured -->")[2].partition("<!-- /measured")[0]
    assert measurement(told).configurations
    for one in told["configurations"]:
        assert one["name"] in shown
        assert str(one["held"]) in shown
    assert told["command"] in shown


def test_a_measurement_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    folder = tmp_path / "bench"
    for one in (folder, tmp_path / "docs", tmp_path / "sipagent/testing/capacity"):
        one.mkdir(parents=True)
    (tmp_path / "docs/capacity.md").write_text(DOCUMENT.read_text())
    (folder / "capacity.json").write_text(FIGURES.read_text())
    (folder / "capacity.md").write_text("| a | table |\n")
    (folder / "capacity.svg").write_text("<svg/>")
    publish(folder, tmp_path)
    text = (tmp_path / "docs/capacity.md").read_text()
    assert "<!-- measured -->\n| a | table |\n<!-- /measured -->\n" in text
    assert (tmp_path / "sipagent/testing/capacity/measured.json").read_text() == FIGURES.read_text()
    with pytest.raises(ValueError, match="no <!-- measured -->"):
        put("a document", "a table")
