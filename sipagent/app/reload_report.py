"""What came of the last reload, for the command that asked for it."""

from datetime import UTC, datetime
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

_log = structlog.get_logger(__name__)
_NAME = "reload.json"


class ReloadReport(BaseModel):
    """`changed` keys are in force, `waiting` ones need a restart; `problem` left all as it was."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    changed: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    problem: str = ""


def write_report(folder: Path, report: ReloadReport) -> None:
    """Leave it where `read_report` finds it."""
    draft = folder / f"{_NAME}.part"
    try:
        draft.write_text(report.model_dump_json())
        draft.replace(folder / _NAME)
    except OSError as error:
        _log.warning("reload_report_failed", cause=str(error))


def read_report(folder: Path) -> ReloadReport | None:
    """The last one; None where there is none."""
    try:
        return ReloadReport.model_validate_json((folder / _NAME).read_bytes())
    except (OSError, ValidationError):
        return None
