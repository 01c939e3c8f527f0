"""The table of SWML: every verb, `ai` parameter, action and data_map feature, with its state."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sipagent.errors import SipAgentError
from sipagent.sources import read

from .rows import Row, tests

MATRIX = Path("docs/swml-matrix.md")
FEATURES = Path("docs/swml.yaml")
_HEAD = """# What of SWML and SWAIG is done

The names are those of the published schema and SDKs (`swml.yaml`, with their weight). A row is
"done" by the tests named in it, in a run in which they passed: `make matrix` writes this file from
them. What is not done, or accepted without effect, says so.
"""
_KINDS = {
    "verb": "Verbs",
    "param": "Parameters of `ai`",
    "action": "Actions of functions",
    "data_map": "data_map",
}


class UnknownFeature(SipAgentError):
    """A test is marked with a feature that docs/swml.yaml does not know."""


def render(rows: Iterable[Row], features: Mapping[str, Mapping[str, Any]]) -> str:
    """The file. Raises UnknownFeature."""
    shown: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in sorted(rows):
        shown[row.subject][row.what].append(row.test)
    known = {f"{kind} {name}" for kind, names in features.items() for name in names}
    if missing := sorted(shown.keys() - known):
        raise UnknownFeature(f"{FEATURES} does not know {', '.join(missing)}")
    parts = [_HEAD]
    for kind, title in _KINDS.items():
        names = features[kind]
        done = sum(f"{kind} {name}" in shown for name in names)
        parts.append(f"\n## {title}: {done} of {len(names)}\n\n")
        parts.append("| name | weight | state | what was shown | by |\n|---|---|---|---|---|\n")
        for name, about in names.items():
            parts += _lines(name, about or {}, shown.get(f"{kind} {name}", {}))
    return "".join(parts)


def features(root: Path) -> dict[str, dict[str, Any]]:
    """Kind to names to `weight` and, where they are not done, `why`."""
    data = read(root / FEATURES).data
    assert isinstance(data, dict)
    return {str(kind): dict(names) for kind, names in data.items()}


def _lines(name: str, about: Mapping[str, Any], shown: Mapping[str, Iterable[str]]) -> list[str]:
    start, why = f"| `{name}` | {about.get('weight', '')} |", about.get("why", "")
    if not shown:
        return [f"{start} {why or '**not done**'} | | |\n"]
    state = f"done; {why}" if why else "done"
    return [f"{start} {state} | {what} | {tests(by)} |\n" for what, by in shown.items()]
