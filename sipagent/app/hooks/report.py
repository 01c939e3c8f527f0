"""Report: how the webhooks of a running server do, for other processes to read."""

from collections.abc import Callable, Sequence
from pathlib import Path

from sipagent.api.receivers import WebhookView
from sipagent.app.report_file import Report, ReportFile, read

_NAME = "webhooks.json"


class WebhookReport(Report):
    """What the file holds."""

    webhooks: tuple[WebhookView, ...]


def read_report(folder: Path) -> WebhookReport | None:
    """The last report written there; None when there is none that can be read."""
    return read(folder / _NAME, WebhookReport)


def report_file(folder: Path) -> ReportFile:
    """Where it is written."""
    return ReportFile(folder / _NAME)


def report_of(views: Callable[[], Sequence[WebhookView]]) -> Callable[[], WebhookReport | None]:
    """What is written there; nothing while there are none."""

    def made() -> WebhookReport | None:
        known = tuple(views())
        return WebhookReport(webhooks=known) if known else None

    return made
