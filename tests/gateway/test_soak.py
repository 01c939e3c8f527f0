"""A slice of `make soak`: SIPp calls that end in every way leave nothing behind."""

from pathlib import Path

import pytest

from sipagent.testing.soak.run import soak
from sipagent.testing.soak.scenarios import KINDS


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.rfc(
    "3261", "SIPp calls with BYE, CANCEL, hold and loss: no leg, dialog or port is left"
)
async def test_calls_that_end_in_every_way_leave_nothing_behind(tmp_path: Path) -> None:
    report = await soak(tmp_path, 120, 10, at_once=60)
    assert report.faults == [], str(report)
    assert report.served + report.refused == report.calls
    assert report.served > 40, str(report)
    assert report.results.keys() == {kind.name for kind in KINDS}


def test_the_shares_of_all_kinds_are_the_whole() -> None:
    assert sum(kind.share for kind in KINDS) == pytest.approx(1.0)
