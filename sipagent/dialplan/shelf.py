"""Shelf: plans read once, before workers are forked, so that no call has to read its own."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sipagent.errors import ConfigError

from .load import load_file, plan_of
from .model import Plan
from .repository import plan_files


class Shelf:
    """Plans by their file. One that was reloaded since is read from what it says now."""

    def __init__(self, paths: Sequence[Path] = ()) -> None:
        self._plans: dict[str, Plan] = {}
        for path in plan_files(paths):
            with suppress(ConfigError):  # whoever serves says what is wrong with it
                plan = load_file(path)
                self._plans[plan.file] = plan

    def plan(self, document: Mapping[str, Any], name: str, file: str) -> Plan:
        """The plan of a document that came from `file`; from the shelf its steps know their
        lines. Raises ConfigError.
        """
        kept = self._plans.get(file)
        if kept is not None and kept.name == name and kept.document == document:
            return kept
        return plan_of(document, name, file)
