"""Whoever deals with bundles opens their files by `store.vault`, which knows sealed from plain."""

import ast
from collections.abc import Iterator
from pathlib import Path

#: rooms that know names in a bundle
KNOWING = {"bundle", "began", "models", "exchanges", "archive", "waveform", "vault"}
#: what reads or writes a file by its path
DIRECT = {"read_text", "read_bytes", "write_text", "write_bytes"}
#: files of others: audit, dialplans, a report, zips, checksums, copies that are wanted
ALLOWED = {
    "cli/records.py": {"open"},
    "cli/replay.py": {"write_text"},
    "store/archive/writing.py": {"open"},
    "store/archive/index.py": {"open"},
    "api/audit.py": {"open"},
    "client/remote.py": {"open"},
    "store/upload/sending.py": {"open"},
    "worker/house.py": {"read_bytes"},
}


def test_nobody_opens_a_file_of_a_bundle_otherwise(root: Path) -> None:
    seen = 0
    for path in sorted((root / "sipagent").rglob("*.py")):
        name = path.relative_to(root / "sipagent").as_posix()
        if name.startswith(("testing/", "store/vault/")):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if _knows(tree):
            seen += 1
            assert set(_direct(tree)) <= ALLOWED.get(name, set()), name
    assert seen > 10


def _knows(tree: ast.AST) -> bool:
    modules = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    return any(KNOWING & set(m.removeprefix("sipagent.store.").split(".")) for m in modules)


def _direct(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute):
            if node.func.attr in DIRECT:
                yield node.func.attr
            # of a path with a mode: files.open has none
            modes = [a for a in node.args if isinstance(a, ast.Constant) and a.value in MODES]
            if node.func.attr == "open" and modes and not _is_wave(node.func.value):
                yield "open"
        elif isinstance(node.func, ast.Name) and node.func.id == "open":
            yield "open"


MODES = {"r", "rb", "w", "wb", "a", "ab", "r+b"}


def _is_wave(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("wave", "packed", "zipfile")
