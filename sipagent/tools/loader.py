"""Users' own tools: Python files in folders, imported once at start."""

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from sipagent.errors import ConfigError, Finding

from .functions import AsyncFunction, is_marked, tool_of
from .spec import ToolSpec


def load_tools(paths: Sequence[Path], *, reserved: Collection[str] = ()) -> Mapping[str, ToolSpec]:
    """Import every `*.py` in the folders (or the files named) and collect what `@tool` marks.

    Files whose name begins with `_` are left alone; a folder that does not exist holds no tools.
    `reserved` are names tools may not take (the verbs). Raises ConfigError with all findings.
    """
    tools: dict[str, ToolSpec] = {}
    owners: dict[str, Path] = {}
    findings: list[Finding] = []
    for file in _files(paths):
        module = _imported(file, findings)
        for function in _marked(module) if module else ():
            spec = _spec(file, function, findings)
            if spec is None:
                continue
            if spec.name in owners or spec.name in reserved:
                other = f"in {owners[spec.name]}" if spec.name in owners else "a verb"
                message = f"{spec.name} is already {other}; give one of them another name"
                findings.append(Finding(str(file), _line(function), spec.name, message))
                continue
            tools[spec.name], owners[spec.name] = spec, file
    if findings:
        raise ConfigError(findings)
    return tools


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        found = sorted(path.glob("*.py")) if path.is_dir() else [path] if path.exists() else []
        yield from (file for file in found if not file.name.startswith("_"))


def _imported(file: Path, findings: list[Finding]) -> ModuleType | None:
    """A module under a name of its own, so that two `orders.py` do not meet."""
    digest = hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:8]
    name = f"sipagent_tools_{file.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        findings.append(Finding(str(file), 1, "", "is no Python file"))
        return None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        # The border to the user's own code: anything may come out of an import.
        del sys.modules[name]
        findings.append(Finding(str(file), _failed_at(file, error), "", _said(error)))
        return None
    return module


def _failed_at(file: Path, error: Exception) -> int:
    if isinstance(error, SyntaxError):
        return error.lineno or 1
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno or 1 for f in reversed(frames) if f.filename == str(file)), 1)


def _said(error: Exception) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"cannot be imported: {type(error).__name__}: {text}"


def _marked(module: ModuleType) -> list[AsyncFunction]:
    """In the order of their lines; what is imported from elsewhere is not this file's."""
    own = [
        thing
        for thing in vars(module).values()
        if is_marked(thing) and getattr(thing, "__module__", "") == module.__name__
    ]
    return sorted(dict.fromkeys(own), key=_line)


def _line(function: AsyncFunction) -> int:
    code = getattr(function, "__code__", None)
    return code.co_firstlineno if code is not None else 1


def _spec(file: Path, function: AsyncFunction, findings: list[Finding]) -> ToolSpec | None:
    try:
        return tool_of(function)
    except (TypeError, NameError) as error:
        # a NameError is an annotation that names nothing
        findings.append(Finding(str(file), _line(function), function.__name__, str(error)))
        return None
