"""Calls that walk a plan written as text, for tests of plans and verbs."""

from collections.abc import Mapping
from typing import Any

from sipagent.call.step import Program
from sipagent.dialplan.expressions import JavaScript
from sipagent.dialplan.load import load
from sipagent.dialplan.swml.documents import SwmlDocuments
from sipagent.sources import parse
from sipagent.testing.fakes import FakeCall, a_call


def program(text: str) -> Program:
    """The sections of a plan; a list of steps is its main."""
    if text.lstrip().startswith("-"):
        text = "sections:\n  main:\n" + "\n".join(f"    {line}" for line in text.splitlines())
    return load(parse(text, "plan.yaml")).program


def planned_call(text: str, variables: Mapping[str, Any] | None = None, **more: Any) -> FakeCall:
    """A call with a program, the real expressions and the real reader of documents."""
    real: dict[str, Any] = {"expressions": JavaScript(), "documents": SwmlDocuments()}
    return a_call(program=program(text), variables=variables, **(real | more))
