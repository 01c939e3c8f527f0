"""SIPp's part of the dialogs: scenarios named by the situation they come from."""

from pathlib import Path
from typing import Any

import pytest

from sipagent.events import LegHeld
from sipagent.testing.sipp import Sipp

pytestmark = pytest.mark.peer
Serve = Any

SCENARIOS = Path(__file__).parent.parent / "sipp"
PLANS = {
    "waits": 'routes: [{to: "100"}]\nsections: {main: [answer, {sleep: 600000}]}\n',
    "announces": """
routes: [{to: "101"}]
sections:
  main: [{play: {urls: ["ring:1:us"], auto_answer: false}}, answer, {sleep: 600000}]
""",
}


@pytest.mark.slow
@pytest.mark.rfc("3261", "hold, resume twenty times in one dialog, then BYE: by the far end")
@pytest.mark.rfc("3262", "reliable provisional responses, as UAS")
@pytest.mark.rfc("4028", "422 and Min-SE, called and calling")
async def test_sipp_goes_through_each_situation(serve: Serve) -> None:
    server = await serve(PLANS)
    host, port = server.address()
    for scenario, number in (
        ("uac-hold-resume-twenty-times", "100"),
        ("uac-early-media-acknowledged", "101"),
        ("uac-session-too-short", "100"),
    ):
        file = SCENARIOS / f"{scenario}.xml"
        async with Sipp(file, target=f"{host}:{port}", service=number) as sipp:
            result = await sipp.wait()
        assert result.ok, f"{scenario}: {result.output}"
    await server.idle()
    held = [e.on_hold for e in server.events if isinstance(e, LegHeld)]
    assert held == [True, False] * 20
