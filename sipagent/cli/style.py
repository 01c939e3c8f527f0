"""How the commands look: consoles, tables, and the options they share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from sipagent import config
from sipagent.errors import Finding

out = Console()

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="settings file [default: sipagent.yaml where it exists]"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON and nothing else")]


def settings_from(path: Path | None) -> config.Settings:
    """The settings of `path`, or of ./sipagent.yaml, or the defaults. Raises ConfigError."""
    usual = Path("sipagent.yaml")
    if path is None and usual.exists():
        path = usual
    return config.load(path)


def print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """Findings, errors first, each on a line an editor can jump to."""
    for finding in sorted(findings, key=lambda f: (f.severity, f.file, f.line)):
        colour = "red" if finding.severity == "error" else "yellow"
        place = f"[bold]{escape(finding.file)}:{finding.line}:{finding.column}:[/]"
        key = f"[cyan]{escape(finding.key)}:[/] " if finding.key else ""
        hint = f" [dim]({escape(finding.hint)})[/]" if finding.hint else ""
        console.print(
            f"{place} [{colour}]{finding.severity}:[/] {key}{escape(finding.message)}{hint}",
            soft_wrap=True,
            highlight=False,
        )
