"""Report: what was measured, as JSON, as a table in Markdown, and read again from JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isnan
from typing import Any

from .run import Found
from .steps import Quality, Step


@dataclass(frozen=True, slots=True)
class Report:
    """One or more configurations on one machine of so many `cores`; `command` measures it again."""

    machine: str
    cores: int
    command: str
    quality: Quality
    found: Sequence[Found]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "machine": self.machine,
            "cores": self.cores,
            "command": self.command,
            "quality": asdict(self.quality),
            "configurations": [self._told(one) for one in self.found],
        }

    def _told(self, found: Found) -> dict[str, Any]:
        best = found.best
        return {
            "name": found.configuration.name,
            "what": found.configuration.what,
            "held": found.held,
            "per_core": round(found.held / self.cores, 1),
            "whole": found.whole,
            "broke_at": found.broke_at,
            "broke": list(found.broke),
            "failed": found.failed,
            "best": None if best is None else best.as_dict(),
            "kept": None if found.kept is None else asdict(found.kept),
            "steps": [step.as_dict() for step in found.steps],
        }


def rows(report: Report) -> Iterator[Mapping[str, str]]:
    """What a person wants to know of each configuration, by heading."""
    for found in report.found:
        best = found.best
        yield {
            "configuration": found.configuration.name,
            "held": held(found),
            "per core": f"{found.held / report.cores:.0f}" if best else "-",
            "CPU each": _figure(best, "{0.cpu_per_call:.2f} %", cpu=True),
            "of it gateway": _figure(best, "{0.cost.gateway:.1f} % in all", cpu=True),
            "memory each": _figure(best, "{0.cost.worker_mib:.1f} MiB", memory=True),
            "late": _figure(best, "{0.heard.late_percent:.3f} %"),
            "own p95": _figure(best, "{0.overhead_p95_ms:.0f} ms"),
            "callers": _figure(best, "{0.callers_cpu:.0f} %"),
            "machine": _figure(best, "{0.machine_cpu:.0f} %"),
            "what broke": why(found),
        }


def held(found: Found) -> str:
    """The number; with + where it may be more, since nothing broke."""
    if found.failed:
        return "not measured"
    if not found.whole:
        return f"{found.held}+" if found.held else "not measured"
    return str(found.held) if found.broke else f"{found.held}+"


def why(found: Found) -> str:
    """What broke first and where, or why nothing did."""
    if found.failed:
        return found.failed
    if not found.broke:
        return (
            f"nothing broke up to {found.held}" if found.whole else "stopped before anything broke"
        )
    return f"at {found.broke_at}: {'; '.join(found.broke)}"


def markdown(report: Report) -> str:
    """The table, and what it was measured on and by."""
    quality = report.quality
    told = list(rows(report))
    lines = [
        f"Measured on {report.machine} with `{report.command}`. A number holds while at most"
        f" {quality.late_percent:g} % of RTP packets leave more than 40 ms late, less than"
        f" {quality.lost_percent:g} % are lost, our own part of a turn is at most"
        f" {quality.overhead_ms:g} ms (p95), and no call is refused. CPU is in percent of one core"
        " and the server's; callers (and stand-ins for hosted models) ran on the same machine.",
        "",
    ]
    heads = list(told[0]) if told else []
    lines += [_line(heads), _line(["---"] * len(heads))]
    lines += [_line(list(row.values())) for row in told]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def _figure(step: Step | None, form: str, *, cpu: bool = False, memory: bool = False) -> str:
    if step is None:
        return "-"
    unknown = (cpu and isnan(step.cost.cpu)) or (memory and isnan(step.cost.worker_mib))
    told = form.format(step)
    return "-" if unknown or told.startswith("nan") else told
