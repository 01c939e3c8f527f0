"""`sipagent` itself: what it lists, and that a command costs only what it needs."""

import subprocess
import sys
from importlib import import_module

import pytest
import typer

from sipagent.cli.program import COMMANDS, Command
from sipagent.testing.program import Run

#: seconds of imports that looking at a plan has no use for
DEAR = ("mcp", "fastapi", "sqlalchemy", "pjsua2", "sipagent.app.gateway", "sipagent.testing")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_commands_line_in_the_list_is_how_its_own_help_begins(command: Command) -> None:
    name, _, attribute = command.place.partition(":")
    found = getattr(import_module(f"sipagent.cli.{name}"), attribute)
    own = found.info.help if isinstance(found, typer.Typer) else found.__doc__
    assert " ".join(str(own).split()).startswith(command.help)
    assert command.help.endswith(".")


def test_the_list_has_every_command(run: Run) -> None:
    ran = run("--help")
    assert ran.code == 0
    for command in COMMANDS:
        assert f" {command.name} " in ran.out


def test_a_misspelt_command_is_told_the_right_one(run: Run) -> None:
    ran = run("chekc")
    assert ran.code == 2
    assert "Did you mean 'check'" in ran.err


def test_a_command_may_come_after_dashes(run: Run) -> None:
    assert run("--", "token", "--json").json.keys() == {"token", "hash"}


@pytest.mark.parametrize("wanted", ["", "check"])
def test_nothing_is_imported_for_other_commands(wanted: str) -> None:
    code = f"from sipagent.cli.program import program; program({wanted!r}); import sys; "
    code += f"print(*sorted(set({DEAR}) & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
