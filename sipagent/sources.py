"""YAML and JSON files with the place of every key, so that an error can point at it."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from .errors import ConfigError, Finding

KeyPath = tuple[str | int, ...]
#: in one document; the longest known has some thousands
_MOST_VALUES = 100_000


@dataclass(frozen=True)
class Source:
    """One parsed document. `data` is plain dicts, lists and scalars; `place` finds their lines."""

    file: str
    data: Any
    _tree: Any

    def place(self, path: KeyPath) -> tuple[int, int]:
        """Line and column (from 1) of the key or item at `path`, or of the nearest parent."""
        node, place = self._tree, (1, 1)
        for key in path:
            marks = getattr(node, "lc", None)
            try:
                if isinstance(node, CommentedMap) and marks is not None:
                    line, column = marks.key(key)
                elif isinstance(node, CommentedSeq) and marks is not None:
                    line, column = marks.item(key)
                else:
                    return place
                place = (line + 1, column + 1)
                node = node[key]
            except (KeyError, IndexError, TypeError):
                return place
        return place

    def finding(self, path: KeyPath, message: str, **more: Any) -> Finding:
        """A finding at `path`."""
        line, column = self.place(path)
        return Finding(self.file, line, dotted(path), message, column, **more)

    def findings(
        self, error: ValidationError, model: type[BaseModel], prefix: KeyPath = ()
    ) -> list[Finding]:
        """A pydantic error of `model` as findings, each at its key, with the nearest right word.

        `prefix` is where in this document the data of the model stands.
        """
        return [self._finding(prefix, model, detail) for detail in error.errors()]

    def _finding(self, prefix: KeyPath, model: type[BaseModel], detail: Any) -> Finding:
        path = self._known(prefix + tuple(detail["loc"]))
        message = str(detail["msg"]).removeprefix("Value error, ")
        if detail["type"] == "extra_forbidden":
            *parents, key = detail["loc"]
            hint = nearest(str(key), keys_at(model, parents))
            return self.finding(path, "unknown key", hint=hint)
        elif detail["type"] == "missing":
            message = f"{detail['loc'][-1]} is required"
        return self.finding(path, message)

    def _known(self, path: KeyPath) -> KeyPath:
        """`path` without the parts pydantic put in for union members and the like."""
        node, known = self.data, []
        for key in path:
            if isinstance(node, Mapping) and key in node:
                node = node[key]
            elif isinstance(node, list) and isinstance(key, int) and key < len(node):
                node = node[key]
            else:
                continue
            known.append(key)
        return tuple(known)


def dotted(path: KeyPath) -> str:
    """`("sections", "main", 2, "ai")` as `sections.main[2].ai`."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else str(key)
    return text


def keys_at(annotation: Any, path: Iterable[str | int]) -> set[str]:
    """The keys a model knows at a place inside it, as they are written, seen through tuples, dicts
    and unions.
    """
    here = _models(annotation)
    for key in path:
        fields = [m.model_fields[key].annotation for m in here if key in m.model_fields]
        here = [m for field in fields for m in _models(field)] or here
    return {field.alias or key for model in here for key, field in model.model_fields.items()}


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def nearest(word: str, known: Iterable[str]) -> str:
    """`did you mean ...?` for a misspelt word, or the empty string."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {close[0]}?" if close else ""


def read(path: Path) -> Source:
    """Read a YAML or JSON file. Raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or error
        raise ConfigError([Finding(str(path), 1, "", f"cannot be read: {cause}")]) from error
    return parse(text, str(path))


def parse(text: str, name: str) -> Source:
    """Parse YAML (and so JSON). Duplicate keys are errors. Raises ConfigError."""
    try:
        tree = YAML(typ="rt").load(StringIO(text))
        return Source(name, _plain(tree, _Room()), tree)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = str(error.problem or error).strip()
        raise ConfigError([Finding(name, line, "", what, column)]) from error
    except YAMLError as error:
        raise ConfigError([Finding(name, 1, "", str(error))]) from error
    except RecursionError as error:
        raise ConfigError([Finding(name, 1, "", "nested too deeply")]) from error
    except _TooMuch as error:
        message = f"more than {_MOST_VALUES} values once its aliases are filled in"
        raise ConfigError([Finding(name, 1, "", message)]) from error


class _TooMuch(Exception):
    """A few lines of aliases of aliases are more than any memory holds."""


@dataclass
class _Room:
    left: int = _MOST_VALUES

    def take(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise _TooMuch


def _plain(node: Any, room: _Room) -> Any:
    room.take()
    if isinstance(node, Mapping):
        return {key: _plain(value, room) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value, room) for value in node]
    if isinstance(node, bool) or node is None:
        return node
    for kind in (str, int, float):
        if isinstance(node, kind):
            return kind(node)
    return node
