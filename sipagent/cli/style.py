"""How the commands look: consoles, tables, and the options they share."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

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


def settings_path(path: Path | None) -> Path | None:
    """The file the settings come from: `path`, or ./sipagent.yaml, or none: the defaults."""
    usual = Path("sipagent.yaml")
    return usual if path is None and usual.exists() else path


def settings_from(path: Path | None) -> config.Settings:
    """The settings of `settings_path(path)`. Raises ConfigError."""
    return config.load(settings_path(path))


def shown(path: str | Path) -> str:
    """A path as one would type it here: relative where it lies below."""
    here = Path.cwd()
    return str(Path(path).relative_to(here) if Path(path).is_relative_to(here) else path)


def print_json(data: Any) -> None:
    """One JSON document on stdout, and nothing else."""
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False))


def print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """Findings, errors first, each on a line an editor can jump to."""
    for finding in sorted(findings, key=lambda f: (f.severity, f.file, f.line)):
        colour = "red" if finding.severity == "error" else "yellow"
        place = f"[bold]{escape(shown(finding.file))}:{finding.line}:{finding.column}:[/]"
        key = f"[cyan]{escape(finding.key)}:[/] " if finding.key else ""
        hint = f" [dim]({escape(finding.hint)})[/]" if finding.hint else ""
        console.print(
            f"{place} [{colour}]{finding.severity}:[/] {key}{escape(finding.message)}{hint}",
            soft_wrap=True,
            highlight=False,
            emoji=False,
        )
