"""What docs/console.md shows is true."""

import re
from pathlib import Path
from typing import get_args

from sipagent.config import Scope, Settings
from sipagent.sources import parse

PAGE = (Path(__file__).parents[2] / "docs/console.md").read_text(encoding="utf-8")
PAGES = Path(__file__).parents[2] / "sipagent/api/console"


def test_the_settings_it_shows_are_settings() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    settings = Settings(**parse(example, "console.md").data)
    assert settings.api is not None
    assert settings.api.console
    assert settings.webrtc is not None


def test_the_scopes_it_names_are_scopes() -> None:
    assert set(re.findall(r"`([a-z]+:[a-z]+)`", PAGE)) <= set(get_args(Scope))


def test_the_shortcuts_it_names_are_bound() -> None:
    told = PAGE[PAGE.index("## By keyboard") : PAGE.index("## What protects")]
    keys = set(re.findall(r"`([a-z/?](?: [a-z])?)`", told))
    code = "".join(path.read_text(encoding="utf-8") for path in PAGES.rglob("*.js"))
    bound = set(re.findall(r'bind\("(.*?)"', code))
    places = {f"g {key}" for key in re.findall(r'at: "\w+", key: "(\w)"', code)}
    assert keys <= bound | places


def test_nothing_of_the_pages_is_loaded_from_elsewhere_or_parsed_as_markup() -> None:
    for path in PAGES.rglob("*.*"):
        text = path.read_text(encoding="utf-8")
        far = set(re.findall(r"https?://[^\s\"'<)]+", text))
        assert far <= {"http://www.w3.org/2000/svg"}, path
        for wrong in (
            "innerHTML =",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
        ):
            assert wrong not in text, (path, wrong)
