"""The table of RFCs: which behaviour is shown by which test, and what is not done."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sipagent.errors import SipAgentError
from sipagent.sources import read

from .rows import Row, tests

MATRIX = Path("docs/rfc-matrix.md")
RFCS = Path("docs/rfcs.yaml")
_HEAD = """# What of which RFC is done

Every row was shown by the tests named in it, in a run in which they passed: `make matrix` runs them
and writes this file from what passed. What is not done stands below each table, kept by hand in
`rfcs.yaml`; a part of an RFC that is in neither was not looked at.
"""


class UnknownRfc(SipAgentError):
    """A test is marked with an RFC that docs/rfcs.yaml does not know."""


def render(rows: Iterable[Row], rfcs: Mapping[str, Any]) -> str:
    """The file. Raises UnknownRfc."""
    shown: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in sorted(rows):
        shown[row.subject][row.what].append(row.test)
    if missing := sorted(shown.keys() - rfcs.keys()):
        raise UnknownRfc(f"{RFCS} has no title for RFC {', '.join(missing)}")
    parts = [_HEAD]
    for rfc in sorted(rfcs, key=int):
        about = rfcs[rfc]
        if rfc not in shown and not about.get("not_done"):
            continue
        parts.append(f"\n## RFC {rfc}: {about['title']}\n\n")
        if shown[rfc]:
            parts.append("| what | shown by |\n|---|---|\n")
            parts += [f"| {what} | {tests(by)} |\n" for what, by in shown[rfc].items()]
        else:
            parts.append("Nothing of it is shown by a test.\n")
        if about.get("not_done"):
            parts.append("\nNot done:\n\n")
            parts += [f"- {item}\n" for item in about["not_done"]]
    return "".join(parts)


def titles(root: Path) -> dict[str, Any]:
    """RFC number to its `title` and what is `not_done` of it."""
    data = read(root / RFCS).data
    assert isinstance(data, dict)
    return {str(number): about for number, about in data.items()}
