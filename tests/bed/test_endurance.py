"""What the endurance run makes of what it saw; the run itself takes half an hour."""

from datetime import UTC, datetime, timedelta

import pytest

from sipagent.events import Event, SpeechStarted
from sipagent.testing.bed.endurance import growth, media_clock, talkers

_BEGIN = datetime(2026, 1, 5, tzinfo=UTC)


def _events(runs_ms_an_hour: float, late_ms: float = 0.0, stops_ms: float = 0.0) -> list[Event]:
    """An agent that begins to speak every ten seconds for half an hour; every third event is put
    on record late; the clock stands still once, after twelve minutes.
    """
    return [
        SpeechStarted(
            call_id="1",
            speaker="agent",
            t=t,
            at=_BEGIN
            + timedelta(milliseconds=t * (1 + runs_ms_an_hour / 3_600_000))
            + timedelta(milliseconds=late_ms if number % 3 else 0.0)
            + timedelta(milliseconds=stops_ms if t > 720_000 else 0.0),
        )
        for number, t in enumerate(range(0, 1_800_000, 10_000))
    ]


@pytest.mark.parametrize("drift", [-50.0, 0.0, 15.0])
def test_the_drift_of_a_clock_is_read_off_its_events(drift: float) -> None:
    clock = media_clock(_events(drift))
    assert clock.drift == pytest.approx(drift, abs=0.1)
    assert clock.stood_still == 0.0


def test_a_machine_that_is_late_is_no_drift() -> None:
    assert media_clock(_events(0.0, late_ms=80.0)).drift == pytest.approx(0.0, abs=0.1)


def test_a_clock_that_stood_still_once_does_not_run_slow() -> None:
    clock = media_clock(_events(12.0, late_ms=80.0, stops_ms=700.0))
    assert clock.drift == pytest.approx(12.0, abs=0.5)
    assert clock.stood_still == pytest.approx(700.0, abs=1.0)


def test_what_fills_up_at_the_beginning_is_no_growth() -> None:
    assert growth([50.0, 80.0, *[100.0] * 98]) == 0.0
    assert growth([100.0 + minute for minute in range(100)]) == pytest.approx(75.0, abs=5.0)


def test_half_of_the_callers_interrupt() -> None:
    assert [one.expects for one in talkers(4)] == ["yielded", "answered"] * 2
