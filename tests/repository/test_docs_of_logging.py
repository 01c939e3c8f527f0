"""docs/logging.md says what the source logs: names, levels and fields."""

import ast
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field

import pytest

from sipagent.config import Settings
from sipagent.config.logs import ROOMS
from sipagent.sources import parse

from .conftest import ROOT

DOC = (ROOT / "docs" / "logging.md").read_text(encoding="utf-8")
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
#: not of a server: what tests and the doctor say is for who runs them; `serving` tells functions
LEFT_OUT = {"testing", "doctor", "serving"}


@dataclass
class Line:
    levels: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    #: `**fields`: more of them than the source says
    more: bool = False


def logged() -> dict[tuple[str, str], Line]:
    """By room and name, all that is said in words of the source."""
    found: dict[tuple[str, str], Line] = defaultdict(Line)
    for path in (ROOT / "sipagent").rglob("*.py"):
        room = path.relative_to(ROOT / "sipagent").parts[0].removesuffix(".py")
        if room in LEFT_OUT:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="log" | "_log"), attr=level),
                    args=[ast.Constant(value=str(name)), *_],
                    keywords=keywords,
                ) if level in LEVELS:
                    line = found[room, name]
                    line.levels.add("error" if level == "exception" else level)
                    line.fields |= {k.arg for k in keywords if k.arg and k.arg != "exc_info"}
                    line.more |= any(k.arg is None for k in keywords)
    return found


def written() -> dict[tuple[str, str], Line]:
    """By room and name, all that the page says."""
    found: dict[tuple[str, str], Line] = {}
    for part in re.split(r"^### ", DOC, flags=re.MULTILINE)[1:]:
        room = part.partition("\n")[0]
        for name, levels, fields in re.findall(r"^\| `(\w+)` \| ([\w, ]+) \| (.*?) \|", part, re.M):
            told = set(re.findall(r"`(\w+)`", fields))
            found[room, name] = Line(set(levels.split(", ")), told)
    return found


def test_what_the_page_says_is_what_the_source_does() -> None:
    source = logged()
    for key, line in written().items():
        assert key in source, f"nobody logs {key}"
        assert line.levels == source[key].levels, key
        assert line.fields == source[key].fields, key


def test_the_page_knows_what_is_logged() -> None:
    source = logged()
    missing = source.keys() - written().keys()
    assert not missing, f"tell of these in docs/logging.md: {sorted(missing)}"


def test_rooms_are_those_there_are() -> None:
    there = {path.parent.name for path in (ROOT / "sipagent").glob("*/__init__.py")}
    assert set(ROOMS) <= there
    assert {room for room, _ in written()} <= set(ROOMS)


def test_the_example_settings_are_settings() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)
    settings = Settings.model_validate(parse(example, "logging.md").data)
    assert settings.log.levels["edge.trunks"] == "debug"


@pytest.mark.parametrize("line", re.findall(r"^\{\"event\".*$", DOC, re.MULTILINE))
def test_the_lines_shown_are_lines(line: str) -> None:
    assert {"event", "level", "timestamp", "logger"} <= json.loads(line).keys()
