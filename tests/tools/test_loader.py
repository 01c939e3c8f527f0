"""Users' files in tools/."""

from pathlib import Path

import pytest

from sipagent.errors import ConfigError, Finding
from sipagent.testing.fakes import a_call
from sipagent.testing.virtual import virtual_time
from sipagent.tools.loader import load_tools

GOOD = '''
from sipagent.tools import tool

@tool
async def hello(name: str) -> str:
    """Greet."""
    return helper(name)

def helper(name: str) -> str:
    return "hello " + name

async def not_offered() -> str:
    return ""
'''


def broken(folder: Path, **files: str) -> list[Finding]:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_tools([folder], reserved=["transfer"])
    return list(caught.value.findings)


def test_marked_functions_are_tools_and_others_are_not(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(GOOD)
    (tmp_path / "_private.py").write_text("raise SystemError")
    assert list(load_tools([tmp_path])) == ["hello"]
    assert list(load_tools([tmp_path / "a.py"])) == ["hello"]


def test_a_folder_that_is_not_there_holds_no_tools(tmp_path: Path) -> None:
    assert load_tools([tmp_path / "nowhere"]) == {}


def test_files_of_one_name_do_not_meet(tmp_path: Path) -> None:
    for index, folder in enumerate([tmp_path / "x", tmp_path / "y"]):
        folder.mkdir()
        (folder / "same.py").write_text(GOOD.replace("hello(", f"hello{index}("))
    assert list(load_tools([tmp_path / "x", tmp_path / "y"])) == ["hello0", "hello1"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("x = 1\ny = (\n", 2, "cannot be imported: SyntaxError"),
        ("x = 1\n\nimport nowhere_at_all\n", 3, "ModuleNotFoundError: No module"),
        ("x = 1\ny = 1 / 0\n", 2, "ZeroDivisionError"),
        (
            "from sipagent.tools import tool\n@tool\ndef f() -> str:\n    ...\n",
            2,
            "must be an async",
        ),
        (
            "from sipagent.tools import tool\n@tool\nasync def f(x: 'Nowhere') -> str:\n    ...\n",
            2,
            "'Nowhere' is not defined",
        ),
        (GOOD.replace("hello", "transfer"), 4, "transfer is already a verb"),
    ],
)
def test_a_broken_file_is_reported_with_its_line(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    (finding,) = broken(tmp_path, bad=text)
    assert (finding.file, finding.line) == (str(tmp_path / "bad.py"), line)
    assert said in finding.message


def test_every_broken_file_is_reported(tmp_path: Path) -> None:
    findings = broken(tmp_path, a=GOOD, b=GOOD, c="1 / 0")
    assert [Path(f.file).name for f in findings] == ["b.py", "c.py"]
    assert "already in" in findings[0].message


@virtual_time
async def test_the_example_looks_up_orders() -> None:
    tools = load_tools([Path(__file__).parents[2] / "tools"])
    control = a_call().control("model")
    found = await tools["lookup_order"].invoke({"order_number": "1001"}, control)
    assert (found.ok, "tomorrow" in found.text) == (True, True)
    missing = await tools["lookup_order"].invoke({"order_number": "7"}, control)
    assert (missing.ok, "no order 7" in missing.text) == (False, True)
