"""JUnit's XML, as CI systems read it: a suite for each file, a case for each run. Pure."""

from collections.abc import Sequence
from itertools import groupby
from xml.etree import ElementTree

from sipagent.store.svg import clean

from .results import Result
from .transcript import keys_joined


def junit(results: Sequence[Result]) -> str:
    """The document."""
    root = ElementTree.Element("testsuites", {"name": "sipagent test", **_counts(results)})
    for file, group in groupby(results, lambda result: result.file):
        runs = list(group)
        suite = ElementTree.SubElement(root, "testsuite", {"name": file.name, **_counts(runs)})
        for run in runs:
            _case(suite, run)
    ElementTree.indent(root)
    declaration = '<?xml version="1.0" encoding="utf-8"?>\n'
    return declaration + ElementTree.tostring(root, encoding="unicode") + "\n"


def _case(suite: ElementTree.Element, run: Result) -> None:
    name = clean(run.name) + (f" [{run.run}]" if run.run > 1 else "")
    case = ElementTree.SubElement(
        suite,
        "testcase",
        name=name,
        classname=run.file.name.partition(".test.")[0],
        file=str(run.file),
        line=str(run.line),
        time=f"{run.took:.3f}",
    )
    lines = [clean(str(line)) for line in keys_joined(run.transcript)]
    if run.failure is not None:
        told = [f"{run.file}:{run.failure.line}", f"expected: {run.failure.expected}"]
        told += [f"instead: {line}" for line in run.failure.instead]
        failure = ElementTree.SubElement(
            case, "failure", message=clean(f"expected {run.failure.expected}")
        )
        failure.text = "\n".join(map(clean, told))
    ElementTree.SubElement(case, "system-out").text = "\n".join(lines)


def _counts(results: Sequence[Result]) -> dict[str, str]:
    return {
        "tests": str(len(results)),
        "failures": str(sum(not result.passed for result in results)),
        "errors": "0",
        "time": f"{sum(result.took for result in results):.3f}",
    }
