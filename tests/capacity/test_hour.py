"""What an hour's samples are judged by; the hour itself lasts an hour."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from sipagent.config import Settings
from sipagent.testing.bench.figures import Report
from sipagent.testing.capacity.graphs import graphs
from sipagent.testing.capacity.hour import Course, Lived, judged
from sipagent.testing.capacity.kept import Kept, kept
from sipagent.testing.capacity.samples import Sample
from sipagent.testing.capacity.steps import Cost, Quality, Step
from sipagent.testing.capacity.tally import Count

COURSE = Course(calls=40, minutes=60.0)
FLAT = [
    Sample(
        at=10.0 * n,
        calls=40,
        finished=n,
        # filled for the first ten minutes, then as it is
        gateway_mib=120 + min(n, 60) / 2 + n % 3,
        gateway_pss_mib=100 + n % 2,
        zygote_mib=70.0,
        worker_mib=14 + (n % 5) / 10,
        workers=48 + n % 2,
        gateway_files=60 + n % 4,
        worker_files=12,
        gateway_threads=8,
        bundles_mib=min(n, 180) * 5.0,
        database_mib=min(n, 180) * 0.2,
        rest_mib=2.0,
    )
    for n in range(361)
]


def lived(samples: list[Sample], *, keep: int = 30, dropped: int = 0) -> Lived:
    whole = Step(
        *(40, 3600.0, Count(7_000_000, 7_000_000, 700)),
        **{"turns": 9000, "overhead_p95_ms": 11.0, "dropped": dropped},  # type: ignore[arg-type]
        cost=Cost(4.0, 1.0, 75.0),
    )
    left = None if keep else Kept(800, 2400.0, 40_000_000, 4_000_000_000, 13_000_000, 30_000)
    return Lived(replace(COURSE, keep=keep), samples, whole, 800, left)


def missed(report: Report) -> set[str]:
    return {figure.name for figure in report.figures if figure.met is False}


def test_an_hour_in_which_nothing_grows_is_held() -> None:
    report = judged(lived(FLAT), Quality())
    assert missed(report) == set()
    assert sum(figure.met is True for figure in report.figures) >= 14


def test_a_leak_is_missed_by_its_name() -> None:
    leaking = [replace(one, gateway_files=one.gateway_files + int(one.at / 300)) for one in FLAT]
    assert missed(judged(lived(leaking), Quality())) == {"gateway_files"}
    fatter = [replace(one, worker_mib=one.worker_mib + one.at / 600) for one in FLAT]
    assert missed(judged(lived(fatter), Quality())) == {"worker_mib"}


def test_disk_beyond_the_rule_is_missed_and_without_a_rule_it_is_told() -> None:
    growing = [replace(one, bundles_mib=one.at / 2) for one in FLAT]
    assert missed(judged(lived(growing), Quality())) == {"bundles_mib"}
    report = judged(lived(growing, keep=0), Quality())
    assert missed(report) == set()
    assert any(figure.name == "for each call" for figure in report.figures)


def test_a_call_that_was_dropped_is_missed() -> None:
    assert missed(judged(lived(FLAT, dropped=1), Quality())) == {"dropped by the server"}


def test_calls_come_and_go_twice_before_growth_counts() -> None:
    assert COURSE.warm == 720
    assert replace(COURSE, minutes=20.0).warm == 360
    assert replace(COURSE, minutes=4.0).warm == 120


def test_disk_counts_from_when_the_first_call_has_gone_by_the_rule() -> None:
    assert COURSE.ruled == 17 * 60
    settings = Settings(**COURSE.all_settings)
    assert settings.retention.records == "15min"
    assert not replace(COURSE, keep=0).all_settings


def test_what_grew_is_red_in_the_picture() -> None:
    fatter = [replace(one, worker_mib=one.worker_mib + one.at / 600) for one in FLAT]
    report = judged(lived(fatter), Quality())
    root = ElementTree.fromstring(graphs(fatter, report))
    lines = list(root.iter("{http://www.w3.org/2000/svg}polyline"))
    colours = [line.get("stroke") for line in lines]
    assert len(lines) == 13
    assert colours.count("#c0392b") == 1


async def test_what_calls_leave_is_weighed(tmp_path: Path) -> None:
    bundle = tmp_path / "calls" / "one"
    bundle.mkdir(parents=True)
    (bundle / "call.json").write_text('{"events": [{"t": 0}, {"t": 90000}]}')
    (bundle / "call.wav").write_bytes(bytes(1000))
    (bundle / "plan.json").write_bytes(bytes(64))
    left = await kept(tmp_path, 1, empty=0)
    assert left == Kept(1, 1.5, 100, 1000, 0, 2)
