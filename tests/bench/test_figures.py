"""Percentiles, goals, medians of runs, and their picture."""

import json
from math import isnan, nan
from xml.etree import ElementTree

import pytest

from sipagent.testing.bench.chart import chart
from sipagent.testing.bench.figures import Figure, Report, machine, middle, percentile

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([1], 50, 1),
        ([1, 2], 50, 1),
        ([3, 1, 2], 50, 2),
        ([1, 2, 3, 4], 50, 2),
        (range(1, 101), 95, 95),
        (range(1, 101), 99, 99),
        (range(1, 11), 95, 10),
        (range(1, 11), 100, 10),
        (range(1, 11), 0, 1),
    ],
)
def test_a_percentile_is_a_value_that_was_measured(
    values: list[float], percent: float, expected: float
) -> None:
    assert percentile(values, percent) == expected


def test_nothing_measured_is_no_figure_and_holds_no_goal() -> None:
    figure = Figure("g", "n", percentile([], 95), "ms", goal=20)
    assert isnan(figure.value)
    assert figure.met is False
    assert figure.measured == "not measured"


def test_a_goal_has_a_good_side() -> None:
    assert Figure("g", "n", 20, "ms", goal=20).met
    assert not Figure("g", "n", 20.1, "ms", goal=20).met
    assert Figure("g", "n", 95, "%", goal=95, better="higher").met
    assert not Figure("g", "n", 94, "%", goal=95, better="higher").met
    assert Figure("g", "n", 94, "%").met is None


def report(*values: float) -> Report:
    made = Report("a machine <of 2 cores> & more")
    for number, value in enumerate(values):
        made.add("group <&>", f"row {number}", value, "ms", goal=10.0 if number else None)
    return made


def test_of_several_runs_the_median_counts_and_the_range_is_told() -> None:
    middling = middle([report(1, 50), report(3, nan), report(2, 30)])
    assert [figure.value for figure in middling.figures] == [2, 40]
    assert middling.figures[0].note == "1 to 3 in 3 runs"
    assert middling.figures[1].note == "30 to 50 in 2 runs"
    single = report(5, 6)
    assert middle([single]) is single


def test_a_row_no_run_measured_stays_unmeasured() -> None:
    (figure,) = middle([report(nan), report(nan)]).figures
    assert isnan(figure.value)


def test_the_report_is_json_that_anything_reads() -> None:
    text = json.dumps(report(1.23456, nan).as_dict(), allow_nan=False)
    first, second = json.loads(text)["figures"]
    assert first["value"] == 1.235
    assert first["met"] is None
    assert second["value"] is None
    assert second["met"] is False


def test_the_chart_is_well_formed_and_marks_what_was_missed() -> None:
    root = ElementTree.fromstring(chart(report(1, 5, 15, nan)))
    bars = [rect for rect in root.iter(f"{SVG}rect") if rect.get("rx")]
    assert len(bars) == 3, "a row without a goal has no bar: there is nothing to measure it by"
    widths = [float(bar.get("width", "nan")) for bar in bars]
    assert all(0 < width < 1000 for width in widths)
    assert bars[0].get("fill") != bars[1].get("fill") == bars[2].get("fill")
    assert len(list(root.iter(f"{SVG}line"))) == 3
    words = [text.text for text in root.iter(f"{SVG}text")]
    assert "group <&>" in words
    assert "not measured (goal ≤ 10)" in words


def test_the_machine_says_how_many_cores_it_has() -> None:
    assert " cores, Linux" in machine()
