"""`sipagent webhooks`: how the receivers of webhooks do, and a new secret for one."""

from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.markup import escape
from rich.table import Table

from sipagent.api.receivers import WebhookView
from sipagent.app.hooks.report import WebhookReport, read_report
from sipagent.app.hooks.signing import new_secret
from sipagent.config import Settings
from sipagent.errors import SipAgentError

from .style import ConfigOption, JsonOption, out, print_json, settings_from

app = typer.Typer(
    help="How the receivers of webhooks do; `webhooks secret` makes a secret for one.",
    invoke_without_command=True,
)
_COLOURS = {"working": "green", "failing": "red", "ended": "yellow"}


@app.callback()
def webhooks(
    context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """What waits for each, what went wrong and since when; exit code 1 when one fails."""
    if context.invoked_subcommand is not None:
        return
    report = _report(settings_from(config))
    if as_json:
        print_json([view.model_dump(mode="json") for view in report.webhooks])
    else:
        out.print(_table(report))
        for view in report.webhooks:
            if view.error and view.state != "working":
                out.print(f"[red]{escape(view.name)}:[/] {escape(_trouble(view))}", soft_wrap=True)
    if any(view.state != "working" for view in report.webhooks):
        raise typer.Exit(1)


@app.command()
def secret(as_json: JsonOption = False) -> None:
    """Make a secret, to be put where this server and the receiver find it."""
    made = new_secret()
    if as_json:
        print_json({"secret": made})
    else:
        out.print(made, highlight=False, soft_wrap=True)


def _report(settings: Settings) -> WebhookReport:
    """Raises SipAgentError."""
    if not settings.webhooks:
        raise SipAgentError("no webhooks in the settings; `webhooks:` of sipagent.yaml names them")
    folder: Path = settings.store.bundles
    report = read_report(folder)
    if report is None or not report.current:
        raise SipAgentError(f"no server is running on these settings ({folder})")
    return report


def _table(report: WebhookReport) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    for head in ("webhook", "url", "state", "waiting", "delivered", "dropped", "last"):
        counts = head in ("waiting", "delivered", "dropped")
        table.add_column(head, justify="right" if counts else "left", overflow="fold")
    for view in report.webhooks:
        last = f"{_ago(view.last_delivered)} ago" if view.last_delivered else "never"
        table.add_row(
            escape(view.name), escape(view.url), f"[{_COLOURS[view.state]}]{view.state}[/]",
            str(view.waiting), str(view.delivered), str(view.dropped), last,
        )  # fmt: skip
    return table


def _trouble(view: WebhookView) -> str:
    words = [view.error]
    if view.failing_since is not None:
        words.append(f"for {_ago(view.failing_since)}")
    if view.state == "ended":
        words.append("nothing is sent until a test of it works, or its url changes")
    elif view.next_try is not None:
        wait = max(int((view.next_try - datetime.now(UTC)).total_seconds()), 0)
        words.append(f"next try in {wait} s")
    return "; ".join(words)


def _ago(moment: datetime) -> str:
    seconds = max(int((datetime.now(UTC) - moment).total_seconds()), 0)
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7_200 else f"{seconds // 3600} h"
