"""The table of RFCs: which behaviour is shown by which test, and what is not done."""

import ast
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sipagent.errors import SipAgentError
from sipagent.sources import read

RESULTS = Path("build/rfc.json")
MATRIX = Path("docs/rfc-matrix.md")
RFCS = Path("docs/rfcs.yaml")
_HEAD = """# What of which RFC is done

Every row was shown by the tests named in it, in a run in which they passed: `make matrix` runs them
and writes this file from what passed. What is not done stands below each table, kept by hand in
`rfcs.yaml`; a part of an RFC that is in neither was not looked at.
"""


class UnknownRfc(SipAgentError):
    """A test is marked with an RFC that docs/rfcs.yaml does not know."""


class Row(NamedTuple):
    """One behaviour of one RFC, and a test that shows it: `tests/room/test_x.py::test_name`."""

    rfc: str
    what: str
    test: str


def marked(root: Path) -> set[Row]:
    """Every `@pytest.mark.rfc(number, what)` written in the tests, whether they were run or not.

    A `pytestmark` of a module counts for each of its tests.
    """
    rows: set[Row] = set()
    for path in sorted((root / "tests").rglob("test_*.py")):
        rows |= set(_in_module(ast.parse(path.read_text()), path.relative_to(root).as_posix()))
    return rows


def passed(results: Mapping[str, Any]) -> set[Row]:
    """Rows whose tests passed, in every parametrisation there is a result of."""
    shown: set[Row] = set()
    failed: set[str] = set()
    for node, result in results.items():
        test = node.partition("[")[0]
        if result["passed"]:
            shown |= {Row(rfc, what, test) for rfc, what in result["rows"]}
        else:
            failed.add(test)
    return {row for row in shown if row.test not in failed}


def render(rows: Iterable[Row], rfcs: Mapping[str, Any]) -> str:
    """The file. Raises UnknownRfc."""
    shown: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in sorted(rows):
        shown[row.rfc][row.what].append(row.test)
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
            parts += [f"| {what} | {_tests(tests)} |\n" for what, tests in shown[rfc].items()]
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


def main() -> int:
    """Write the matrix from the last results. 1 where a marked test has not been seen to pass."""
    root = Path.cwd()
    results = json.loads((root / RESULTS).read_text()) if (root / RESULTS).exists() else {}
    wanted = marked(root)
    rows = wanted & passed(results)
    (root / MATRIX).write_text(render(rows, titles(root)))
    unshown = sorted({row.test for row in wanted - rows})
    said = [f"{len(rows)} rows times tests in {MATRIX}"]
    said += [f"marked, and not seen to pass: {test}" for test in unshown]
    sys.stdout.write("\n".join(said) + "\n")
    return 1 if unshown else 0


def _tests(tests: Iterable[str]) -> str:
    return "<br>".join(f"`{test.removeprefix('tests/')}`" for test in tests)


def _in_module(module: ast.Module, path: str) -> Iterator[Row]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    tests = [
        node for node in module.body if isinstance(node, functions) and node.name[:5] == "test_"
    ]
    for statement in module.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "pytestmark":
            for test in tests:
                yield from _in(statement.value, f"{path}::{test.name}")
    for test in tests:
        for decorator in test.decorator_list:
            yield from _in(decorator, f"{path}::{test.name}")


def _in(tree: ast.expr, test: str) -> Iterator[Row]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.rfc":
            rfc, what = (ast.literal_eval(argument) for argument in node.args)
            yield Row(rfc, what, test)


if __name__ == "__main__":
    sys.exit(main())
