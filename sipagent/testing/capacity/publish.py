"""Publish: a measurement becomes what docs/capacity.md shows and `sipagent capacity` reckons with.

`python -m sipagent.testing.capacity.publish bench`, in the root of the repository, after
`sipagent bench capacity --with all`.
"""

import json
import sys
from pathlib import Path

from .measured import measurement

_BEGIN, _END = "<!-- measured -->\n", "<!-- /measured -->\n"
_DOC, _PICTURE = Path("docs/capacity.md"), Path("docs/capacity.svg")
_FIGURES = Path("sipagent/testing/capacity/measured.json")


def put(document: str, table: str) -> str:
    """The document with another table between its marks. Raises ValueError without them."""
    before, begin, rest = document.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"no {_BEGIN.strip()} and {_END.strip()} in the document")
    return before + begin + table + end + after


def publish(folder: Path, root: Path = Path()) -> None:
    """Take capacity.json, .md and .svg of `folder`. Raises OSError, ValueError, KeyError."""
    figures = (folder / "capacity.json").read_text()
    measurement(json.loads(figures))
    document = root / _DOC
    document.write_text(put(document.read_text(), (folder / "capacity.md").read_text()))
    (root / _FIGURES).write_text(figures)
    (root / _PICTURE).write_text((folder / "capacity.svg").read_text())


if __name__ == "__main__":
    publish(Path(sys.argv[1] if len(sys.argv) > 1 else "bench"))
