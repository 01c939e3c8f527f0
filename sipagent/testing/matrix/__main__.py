"""`python -m sipagent.testing.matrix`: write the tables from the last results."""

import json
import sys
from pathlib import Path

from . import rfc, swml
from .rows import MARKS, Mark, Row, marked, passed, results_of


def main() -> int:
    """1 where a marked test has not been seen to pass."""
    root = Path.cwd()
    unshown = {mark: _write(root, mark) for mark in MARKS}
    for test in sorted({test for tests in unshown.values() for test in tests}):
        sys.stdout.write(f"marked, and not seen to pass: {test}\n")
    return 1 if any(unshown.values()) else 0


def _write(root: Path, mark: Mark) -> set[str]:
    """Write one; the tests whose rows are missing from it."""
    file = root / results_of(mark)
    results = json.loads(file.read_text()) if file.exists() else {}
    wanted = marked(root, mark)
    rows = wanted & passed(results)
    path = rfc.MATRIX if mark == "rfc" else swml.MATRIX
    (root / path).write_text(rendered(root, mark, rows))
    sys.stdout.write(f"{len(rows)} rows times tests in {path}\n")
    return {row.test for row in wanted - rows}


def rendered(root: Path, mark: Mark, rows: set[Row]) -> str:
    """One of the tables."""
    if mark == "rfc":
        return rfc.render(rows, rfc.titles(root))
    return swml.render(rows, swml.features(root))


if __name__ == "__main__":
    sys.exit(main())
