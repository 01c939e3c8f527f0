"""Do the settings and the dialplans load?"""

from collections.abc import Sequence
from pathlib import Path

from sipagent.doctor.check import Check, Visit
from sipagent.doctor.findings import Ailment, Finding, Severity, fine
from sipagent.doctor.patient import Patient
from sipagent.errors import Finding as Remark

SETTINGS_WRONG = Ailment(
    "settings-wrong",
    Severity.PROBLEM,
    "a key of sipagent.yaml is misspelt, of the wrong kind, or names an environment variable that "
    "is not set",
    "correct the line; `sipagent schema settings` lets editors complete it",
)
PLAN_WRONG = Ailment(
    "plan-wrong",
    Severity.PROBLEM,
    "a dialplan or a tool has a mistake: it is not loaded",
    "correct the line; `sipagent check` shows them all",
)
PLAN_DOUBTFUL = Ailment(
    "plan-doubtful",
    Severity.WARNING,
    "a dialplan loads, but a line of it hardly does what was meant",
    "look at the line; `sipagent check` shows them all",
)
NO_PLAN = Ailment(
    "no-plan",
    Severity.WARNING,
    "there is no dialplan: every caller gets 404",
    "put one into the folder that `dialplans` names",
)


async def _run(patient: Patient) -> Sequence[Finding]:
    findings = [_remark(remark) for remark in patient.remarks]
    if not patient.plans and not findings:
        findings.append(NO_PLAN.found("no dialplan is loaded", key="dialplans"))
    names = ", ".join(plan.name for plan in patient.plans)
    if names:
        findings.append(fine(f"dialplans: {names}", "dialplans"))
    return findings


def unreadable(remarks: Sequence[Remark]) -> Visit:
    """What is to be told where the settings themselves do not load: nothing else can be looked
    at.
    """
    found = (SETTINGS_WRONG.found(_words(remark), key=remark.key) for remark in remarks)
    return Visit(CHECK.name, CHECK.title, tuple(found))


def _remark(remark: Remark) -> Finding:
    ailment = PLAN_WRONG if remark.severity == "error" else PLAN_DOUBTFUL
    return ailment.found(_words(remark), key=remark.key, cure=remark.hint)


def _words(remark: Remark) -> str:
    here = Path.cwd()
    file = Path(remark.file)
    shown = file.relative_to(here) if file.is_relative_to(here) else file
    return f"{shown}:{remark.line}: {remark.message}"


CHECK = Check(
    "files",
    "settings and dialplans",
    _run,
    (SETTINGS_WRONG, PLAN_WRONG, PLAN_DOUBTFUL, NO_PLAN),
)
