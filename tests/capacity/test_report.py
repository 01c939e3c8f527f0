"""What a measurement says: in words, as a table, as a picture, and read again."""

import json
from dataclasses import replace
from math import inf, nan
from xml.etree import ElementTree

import pytest

from sipagent.errors import SipAgentError
from sipagent.testing.capacity.configurations import CONFIGURATIONS, Addresses
from sipagent.testing.capacity.kept import Kept
from sipagent.testing.capacity.measured import measurement
from sipagent.testing.capacity.picture import picture
from sipagent.testing.capacity.report import Report, markdown, rows
from sipagent.testing.capacity.run import Found
from sipagent.testing.capacity.sources import quantile, scraped, turns
from sipagent.testing.capacity.steps import Cost, Quality, Step, broken, by_far
from sipagent.testing.capacity.tally import Count
from sipagent.worker.weights import Kind

COST = Cost(gateway=4.0, zygote=1.0, workers=75.0, gateway_mib=120, zygote_mib=40, worker_mib=12.0)
GOOD = Step(40, 15.0, Count(30_000, 30_000, 3), turns=80, overhead_p95_ms=9.0, cost=COST)
BAD = replace(GOOD, calls=80, heard=Count(59_000, 59_100, 900), overhead_p95_ms=55.0)


def report() -> Report:
    talk = Found(CONFIGURATIONS["talk"], [GOOD, BAD], 40, True, broken(BAD, Quality()), 80)
    talk.kept = Kept(120, 60.0, 1_200_000, 0, 600_000, 3_600)
    echo = Found(CONFIGURATIONS["echo"], [replace(GOOD, overhead_p95_ms=nan)], 40, True)
    stopped = Found(CONFIGURATIONS["realtime"], failed="no <server> | here")
    return Report("a machine", 2, "sipagent bench capacity", Quality(), [talk, echo, stopped])


def test_a_step_holds_what_is_asked_of_it() -> None:
    assert broken(GOOD, Quality()) == ()
    assert broken(replace(GOOD, overhead_p95_ms=nan), Quality()) == ()


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (replace(GOOD, heard=Count(1000, 1000, 2)), "0.2 % of RTP more than 40 ms late"),
        (replace(GOOD, heard=Count(997, 1000, 0)), "0.3 % of RTP lost"),
        (replace(GOOD, overhead_p95_ms=41.0), "own part of a turn 41 ms (p95)"),
        (replace(GOOD, refused=1), "1 calls refused"),
        (replace(GOOD, dropped=2), "2 calls dropped"),
        (replace(GOOD, heard=Count()), "no RTP came"),
    ],
)
def test_what_broke_is_told(step: Step, told: str) -> None:
    assert broken(step, Quality()) == (told,)


def test_only_what_breaks_by_far_is_not_looked_at_again() -> None:
    assert not by_far(replace(GOOD, heard=Count(1000, 1000, 40)), Quality())
    assert by_far(replace(GOOD, heard=Count(1000, 1000, 60)), Quality())
    assert by_far(replace(GOOD, refused=1), Quality())
    assert not by_far(GOOD, Quality())


def test_the_table_says_what_held_what_it_cost_and_what_broke() -> None:
    talk, echo, failed = rows(report())
    assert (talk["held"], talk["per core"], talk["CPU each"]) == ("40", "20", "2.00 %")
    assert talk["memory each"] == "12.0 MiB"
    assert talk["what broke"].startswith("at 80: 1.5 % of RTP more than 40 ms late; 0.17 % of")
    assert (echo["held"], echo["own p95"], echo["what broke"]) == (
        "40+",
        "-",
        "nothing broke up to 40",
    )
    assert failed["held"] == "not measured"
    text = markdown(report())
    assert "`sipagent bench capacity`" in text
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1


def test_the_picture_is_well_formed() -> None:
    root = ElementTree.fromstring(picture(report()))
    words = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "2.00 %, 12 MiB" in words
    assert "0 a core; no <server> | here" in words
    points = list(root.iter("{http://www.w3.org/2000/svg}circle"))
    assert len(points) == 3
    assert len({point.get("fill") for point in points}) == 2


def test_a_plan_reads_what_was_measured() -> None:
    told = json.loads(json.dumps(report().as_dict(), allow_nan=False))
    found = measurement(told)
    talk, echo = found.configurations
    assert (talk.name, talk.per_core, talk.mib) == ("talk", 20.0, 12.0)
    assert (talk.sizes.bundle_minute, talk.sizes.events_minute) == (20_000, 60)
    assert echo.sizes.bundle_minute > 0, "where nothing was counted there is a default"
    with pytest.raises((KeyError, TypeError)):
        measurement({"configurations": [{}]})


SCRAPE = """# TYPE sipagent_turn_overhead_seconds histogram
sipagent_turn_overhead_seconds_bucket{le="0.02"} %d
sipagent_turn_overhead_seconds_bucket{le="0.04"} %d
sipagent_turn_overhead_seconds_bucket{le="+Inf"} %d
# TYPE sipagent_processes_cpu_seconds_total counter
sipagent_processes_cpu_seconds_total{kind="worker"} 12.5
"""


def test_the_figures_of_a_step_are_between_two_scrapes() -> None:
    before = scraped(SCRAPE % (5, 5, 5))
    after = scraped(SCRAPE % (95, 105, 105))
    assert before.overhead == {0.02: 5, 0.04: 5, inf: 5}
    assert turns(before.overhead, after.overhead) == 100
    assert quantile(before.overhead, after.overhead, 0.45) == pytest.approx(0.01)
    assert quantile(before.overhead, after.overhead, 0.95) == pytest.approx(0.03)
    assert str(quantile(before.overhead, before.overhead, 0.95)) == "nan"
    assert after.of("sipagent_processes_cpu_seconds_total", Kind.WORKER) == 12.5
    assert str(after.of("sipagent_processes_cpu_seconds_total", Kind.GATEWAY)) == "nan"
    with pytest.raises(SipAgentError, match="not Prometheus"):
        scraped("<html>")


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_no_address_stays_open_in_a_plan(name: str) -> None:
    where = Addresses("ws://d", "http://o", "ws://r", "sip:callee@127.0.0.1:9")
    configuration = CONFIGURATIONS[name]
    whole = configuration.plan(where) + json.dumps(configuration.settings(where))
    assert "{deepgram}" not in whole
    assert "{callee}" not in whole
    assert configuration.hosted == ("ws://d" in whole or "ws://r" in whole)
