"""Rows: what tests are marked with, and which of it was seen to pass."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

Mark = Literal["rfc", "swml"]
MARKS: tuple[Mark, ...] = get_args(Mark)


class Row(NamedTuple):
    """One behaviour of a subject (`3261`, `verb play`), and a test that shows it:
    `tests/room/test_x.py::test_name`.
    """

    subject: str
    what: str
    test: str


def results_of(mark: Mark) -> Path:
    """Where a run of the tests leaves what it has shown."""
    return Path(f"build/{mark}.json")


def marked(root: Path, mark: Mark = "rfc") -> set[Row]:
    """Every `@pytest.mark.rfc(number, what)`, `@pytest.mark.swml(kind, name, what)` written in
    the tests, whether they were run or not.

    A `pytestmark` of a module counts for each of its tests.
    """
    rows: set[Row] = set()
    for path in sorted((root / "tests").rglob("test_*.py")):
        name = path.relative_to(root).as_posix()
        rows |= set(_in_module(ast.parse(path.read_text()), name, f"pytest.mark.{mark}"))
    return rows


def passed(results: Mapping[str, Any]) -> set[Row]:
    """Rows whose tests passed, in every parametrisation there is a result of."""
    shown: set[Row] = set()
    failed: set[str] = set()
    for node, result in results.items():
        test = node.partition("[")[0]
        if result["passed"]:
            shown |= {_row(row, test) for row in result["rows"]}
        else:
            failed.add(test)
    return {row for row in shown if row.test not in failed}


def tests(rows: Iterable[str]) -> str:
    """Tests as they stand in a cell of a table."""
    return "<br>".join(f"`{test.removeprefix('tests/')}`" for test in rows)


def _in_module(module: ast.Module, path: str, mark: str) -> Iterator[Row]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [
        node for node in module.body if isinstance(node, functions) and node.name[:5] == "test_"
    ]
    for statement in module.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "pytestmark":
            for test in found:
                yield from _in(statement.value, f"{path}::{test.name}", mark)
    for test in found:
        for decorator in test.decorator_list:
            yield from _in(decorator, f"{path}::{test.name}", mark)


def _in(tree: ast.expr, test: str, mark: str) -> Iterator[Row]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == mark:
            yield _row([ast.literal_eval(argument) for argument in node.args], test)


def _row(arguments: Iterable[str], test: str) -> Row:
    *subject, what = arguments
    return Row(" ".join(subject), what, test)
