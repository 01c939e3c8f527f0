"""`sipagent webhooks`: what people and programs are told of receivers."""

import base64
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sipagent.api.receivers import WebhookView
from sipagent.app.hooks.report import WebhookReport
from sipagent.testing.program import Run

SETTINGS = """
webhooks:
  crm: {url: "http://127.0.0.1:9/", secret_env: CRM_SECRET}
"""
WELL = WebhookView(
    name="crm",
    url="https://crm.example",
    waiting=2,
    delivered=40,
    last_delivered=datetime(2026, 1, 5, tzinfo=UTC),
)
ILL = WebhookView(
    name="qa",
    url="https://qa.example",
    state="failing",
    waiting=7,
    error="cannot be reached: connection refused",
)


@pytest.fixture
def report(folder: Path) -> Path:
    """Where a server on these settings leaves its report."""
    (folder / "sipagent.yaml").write_text(SETTINGS)
    (folder / "calls").mkdir()
    return folder / "calls" / "webhooks.json"


def test_receivers_that_do_well_are_told_with_what_waits(run: Run, report: Path) -> None:
    report.write_text(WebhookReport(webhooks=(WELL,)).model_dump_json())
    ran = run("webhooks")
    assert ran.code == 0
    row = ran.out.splitlines()[1].split()
    assert row[:6] == ["crm", "https://crm.example", "working", "2", "40", "0"]


def test_one_that_fails_is_told_with_cause_and_time_and_by_the_exit_code(
    run: Run, report: Path
) -> None:
    # from the moment it is asked about: this file may have been read long before
    since = datetime.now(UTC) - timedelta(minutes=3, seconds=10)
    ill = ILL.model_copy(update={"failing_since": since})
    report.write_text(WebhookReport(webhooks=(WELL, ill)).model_dump_json())
    ran = run("webhooks")
    assert ran.code == 1
    assert "qa: cannot be reached: connection refused; for 3 min" in " ".join(ran.out.split())
    told = run("webhooks", "--json")
    assert (told.code, [view["waiting"] for view in told.json]) == (1, [2, 7])


def test_without_a_server_or_webhooks_that_is_said(run: Run, report: Path, folder: Path) -> None:
    assert "no server is running on these settings" in run("webhooks").err
    gone = WebhookReport(webhooks=(WELL,), pid=2**22 + os.getpid())
    report.write_text(gone.model_dump_json())
    assert "no server is running on these settings" in run("webhooks").err
    (folder / "sipagent.yaml").write_text("{}")
    assert "no webhooks in the settings" in run("webhooks").err


def test_a_secret_is_made_as_the_standard_has_it(run: Run, folder: Path) -> None:
    made = run("webhooks", "secret").out.strip()
    assert made.startswith("whsec_")
    assert len(base64.b64decode(made.removeprefix("whsec_"))) == 32
    assert run("webhooks", "secret", "--json").json["secret"] != made
