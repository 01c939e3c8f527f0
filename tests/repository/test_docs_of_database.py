"""The settings of docs/database.md load, and its databases can be used."""

import re
from pathlib import Path

import pytest

from sipagent.config import load
from sipagent.store.database import engine_for

from .conftest import ROOT

DOC = (ROOT / "docs" / "database.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)
URLS = re.findall(r"`((?:sqlite|postgresql)\+\w+://[^`]+)`", DOC)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_settings_and_its_database_one(example: str, tmp_path: Path) -> None:
    file = tmp_path / "sipagent.yaml"
    file.write_text(example)
    engine_for(load(file).store.database)


def test_every_url_is_a_database() -> None:
    assert [engine_for(url).url.drivername for url in URLS] == [
        *("sqlite+aiosqlite", "postgresql+asyncpg")
    ]
