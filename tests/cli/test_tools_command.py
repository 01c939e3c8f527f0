"""`sipagent tools`: list the functions, and try one."""

import json
from pathlib import Path

import pytest

from sipagent.testing.program import Run


@pytest.fixture(autouse=True)
def shop(folder: Path) -> None:
    """The usual folder, with one function."""
    (folder / "tools").mkdir()
    (folder / "tools" / "shop.py").write_text(
        "from sipagent.tools import tool\n\n\n@tool\n"
        "async def price(item: str, count: int = 1) -> str:\n"
        '    """What a thing costs."""\n'
        '    return f"{item}: {12 * count} euros"\n'
    )


def test_functions_are_listed_as_a_model_sees_them(run: Run) -> None:
    assert "price     item, [count]  What a thing costs." in run("tools", "list").out
    (declared,) = json.loads(run("tools", "list", "--json").out)
    assert declared["function"] == "price"
    assert declared["parameters"]["required"] == ["item"]


def test_a_function_can_be_tried(run: Run) -> None:
    ran = run("tools", "call", "price", "--item", "12", "--count", "3")
    assert (ran.code, json.loads(ran.out)) == (0, {"response": "12: 36 euros"})
    ran = run("tools", "call", "price", "--raw", '{"count": 3}')
    assert ran.code == 1
    assert json.loads(ran.out)["response"] == "price was not run: item: Field required"


def test_a_function_that_is_not_there_is_said_with_those_that_are(run: Run) -> None:
    ran = run("tools", "call", "prices")
    assert ran.code == 1 and "there is no function prices; the functions: price" in ran.err
