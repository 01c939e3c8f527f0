"""Documents of others as programs: read as the vendor does, with remarks for what is ignored."""

from collections.abc import Mapping
from typing import Any

from sipagent.call.documents import Document
from sipagent.dialplan.load import SWML_KEYS
from sipagent.dialplan.steps import StepReader
from sipagent.errors import Finding, PlanError
from sipagent.sources import Source

from .texts import data_of

MAX_SECTIONS = 200
MAX_STEPS = 5_000
#: remarks one document may make, each once
MAX_REMARKS = 20
#: beside the sections, keys the vendor's own tools write
_BESIDE = frozenset({*SWML_KEYS, "transfer"})


def read_document(raw: Any, name: str) -> Document:
    """A document from text or data. Raises PlanError where it has no sections that can be run."""
    data = data_of(raw, name)
    sections = data.get("sections") if isinstance(data, Mapping) else None
    if not isinstance(sections, Mapping) or "main" not in sections:
        raise PlanError(f"{name}: not an SWML document: it needs sections, with main among them")
    if len(sections) > MAX_SECTIONS:
        raise PlanError(f"{name}: more than {MAX_SECTIONS} sections")
    reader = StepReader(Source(name, data, None), placed=False, tolerant=True, most=MAX_STEPS)
    program = {
        str(section): reader.block(block, ("sections", section), str(section))
        for section, block in sections.items()
    }
    if reader.findings:
        first = reader.findings[0]
        raise PlanError(f"{name}: {first.key[:200]}: {first.message[:200]}")
    unknown = [f"{key}: unknown key, ignored" for key in data if key not in _BESIDE]
    return Document(name, program, _once([*unknown, *map(_said, reader.remarks)]))


def _said(finding: Finding) -> str:
    return f"{finding.key}: {finding.message}" + (f" ({finding.hint})" if finding.hint else "")


def _once(remarks: list[str]) -> tuple[str, ...]:
    """Each once; a document that deserves more of them is told so."""
    known = list(dict.fromkeys(remark[:200] for remark in remarks))
    if len(known) > MAX_REMARKS:
        return (*known[:MAX_REMARKS], f"and {len(known) - MAX_REMARKS} more")
    return tuple(known)
