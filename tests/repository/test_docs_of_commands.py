"""Commands and their options, as the documentation writes them, are there."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from sipagent.cli.program import COMMANDS, program

from .conftest import ROOT

DOCS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
#: in a block of its own, after a prompt, a variable or nothing; and in a line of prose
LINE = re.compile(r"^ *(?:\$ )?(?:[A-Z_]+=\S+ )*sipagent ([a-z].*)$", re.MULTILINE)
PROSE = re.compile(r"`sipagent ([a-z][^`]*)`")
#: what ends a command in a shell, and what is said about it
REST = re.compile(r"\s(?:#|&&|\||>|;|\\$)")


def written(text: str) -> Iterator[list[str]]:
    """The words of every command after `sipagent`."""
    text = text.replace("\\\n", " ")
    fenced = re.findall(
        r"^ *```[a-z]*\n(.*?)^ *```|((?:^    .*\n)+)", text, re.DOTALL | re.MULTILINE
    )
    for block in fenced:
        for found in LINE.findall("".join(block)):
            yield shlex.split(REST.split(found)[0])
    for found in PROSE.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        yield REST.split(" ".join(found.split()))[0].split()


@cache
def command(name: str) -> Any:
    """Of the library's own click, which is private to it."""
    return typer.main.get_command(program(name))


def missing(words: list[str]) -> str:
    """The first word that no command of ours has; empty where all are known."""
    if words[0] not in {one.name for one in COMMANDS}:
        return words[0]
    found, left = command(words[0]), list(words)
    while left and isinstance(found, TyperGroup) and not left[0].startswith("-"):
        if left[0] not in found.commands:
            return left[0]
        found = found.commands[left.pop(0)]
    if found.context_settings.get("ignore_unknown_options"):
        return ""
    options = {"--help"} | {o for one in found.params for o in (*one.opts, *one.secondary_opts)}
    return next((w for w in left if w.startswith("-") and w.partition("=")[0] not in options), "")


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.name)
def test_every_command_the_documentation_shows_is_one(doc: Path) -> None:
    wrong = [" ".join(words) for words in written(doc.read_text("utf-8")) if missing(words)]
    assert not wrong, f"{doc.name}: {wrong}"
