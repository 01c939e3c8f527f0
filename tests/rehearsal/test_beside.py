"""What stands beside a rehearsed call."""

from pathlib import Path

import pytest

from sipagent.config import Settings
from sipagent.testing.rehearsal.beside import toolbox_of

TOOL = '''
from sipagent.tools import tool


@tool
async def price(item: str) -> str:
    """What it costs.

    Args:
        item: Its name.
    """
    return "12"
'''


def test_tools_are_those_of_the_folder_it_is_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "shop" / "tools").mkdir(parents=True)
    (tmp_path / "shop" / "tools" / "price.py").write_text(TOOL)
    settings = Settings(tools=(Path("tools"),))
    names = []
    for folder in ("empty", "shop"):
        monkeypatch.chdir(tmp_path / folder)
        names.append(set(toolbox_of(settings, {}).names))
    assert [("price" in known) for known in names] == [False, True]
