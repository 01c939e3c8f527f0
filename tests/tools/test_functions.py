"""Plain functions as tools."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from sipagent.call.control import CallControl
from sipagent.errors import ToolError
from sipagent.events import Warned
from sipagent.testing.fakes import a_call
from sipagent.testing.virtual import run_virtual, virtual_time
from sipagent.tools import ToolResult, tool
from sipagent.tools.functions import MAX_RESULT, tool_of


@tool(timeout=3)
async def book(
    call: CallControl,
    people: Annotated[int, Field(ge=1, le=8)],
    day: Literal["today", "tomorrow"] = "today",
    name: str | None = None,
) -> dict[str, Any]:
    """Book a table.

    Only for the evening.

    Args:
        people: How many will come,
            children included.
        day: When.

    Returns:
        What was booked.
    """
    return {"people": people, "day": day, "name": name, "call": call.call.id}


def result_of(function: Any, **arguments: Any) -> ToolResult:
    async def scene() -> ToolResult:
        return await tool_of(function).invoke(arguments, a_call().control("model"))

    return run_virtual(scene())


def test_signature_and_docstring_are_what_the_model_sees() -> None:
    spec = tool_of(book)
    assert (spec.name, spec.timeout) == ("book", 3)
    assert spec.description == "Book a table. Only for the evening."
    assert spec.parameters == {
        "type": "object",
        "properties": {
            "people": {
                "type": "integer",
                "minimum": 1,
                "maximum": 8,
                "description": "How many will come, children included.",
            },
            "day": {
                "type": "string",
                "enum": ["today", "tomorrow"],
                "default": "today",
                "description": "When.",
            },
            "name": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        },
        "required": ["people"],
        "additionalProperties": False,
    }


def test_param_fields_are_read_too() -> None:
    async def find(city: str, zone: str = "") -> str:
        """Find it.

        :param city: Where to look,
            by name.
        :param str zone: Part of it.
        :return: nothing new
        """
        return city

    properties = tool_of(find).parameters["properties"]
    assert properties["city"]["description"] == "Where to look, by name."
    assert properties["zone"]["description"] == "Part of it."


def test_a_parameter_may_be_named_title() -> None:
    async def write(title: str) -> str:
        """Write."""
        return title

    assert list(tool_of(write).parameters["properties"]) == ["title"]


def test_a_tool_gets_the_call_and_checked_arguments() -> None:
    result = result_of(book, people="4", day="tomorrow")
    assert result == ToolResult('{"people": 4, "day": "tomorrow", "name": null, "call": "call-1"}')


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "book was not run: people: Field required"),
        ({"people": 9}, "people: Input should be less than or equal to 8"),
        ({"people": 2, "day": "monday"}, "day: Input should be 'today' or 'tomorrow'"),
        ({"people": 2, "smoking": True}, "smoking: there is no such argument"),
        ({"_malformed": "{peop"}, "_malformed: there is no such argument"),
    ],
)
def test_the_model_reads_what_was_wrong_and_nothing_is_run(
    arguments: dict[str, Any], said: str
) -> None:
    result = result_of(book, **arguments)
    assert not result.ok
    assert said in result.text


@dataclass
class Order:
    number: int


def returning(value: object) -> Callable[[], Any]:
    async def give() -> object:
        """Give."""
        return value

    return give


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("words", "words"),
        (None, "done"),
        ([1, "ü"], '[1, "ü"]'),
        (Order(3), '{"number": 3}'),
        (ToolResult("no", ok=False), "no"),
    ],
)
def test_results_become_text(value: object, text: str) -> None:
    assert result_of(returning(value)).text == text


def test_a_result_is_bounded() -> None:
    text = result_of(returning("ü" * 10_000)).text
    assert len(text.encode()) < MAX_RESULT + 50
    assert text.endswith("(cut; 20000 bytes in all)")


def test_a_result_that_cannot_be_shown_is_a_failure() -> None:
    assert not result_of(returning(object())).ok


def test_a_tool_error_is_read_by_the_model() -> None:
    async def refuse() -> str:
        """Refuse."""
        raise ToolError("Ask for the number again.")

    assert result_of(refuse) == ToolResult("Ask for the number again.", ok=False)


@virtual_time
async def test_a_tool_that_crashes_does_not_end_the_call() -> None:
    async def crash() -> str:
        """Crash."""
        return str(book.__annotations__["secret"])

    call = a_call()
    result = await tool_of(crash).invoke({}, call.control("model"))
    assert result == ToolResult("crash failed; go on without it", ok=False)
    (warning,) = call.all(Warned)
    assert warning.code == "tool_error"
    assert "KeyError" in warning.detail
    assert "test_functions.py" in warning.detail


def test_a_function_that_cannot_be_a_tool_says_why() -> None:
    def plain(x: int) -> int:
        return x

    async def bare(x) -> int:  # type: ignore[no-untyped-def]
        return int(x)

    async def star(*x: int) -> int:
        return sum(x)

    with pytest.raises(TypeError, match="must be an async function"):
        tool_of(plain)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="parameter x needs a type annotation"):
        tool_of(bare)
    with pytest.raises(TypeError, match="cannot be given by name"):
        tool_of(star)
