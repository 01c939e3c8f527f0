"""Text of a document as data: JSON or YAML, bounded, whoever wrote it."""

import json
from collections.abc import Mapping
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from sipagent.errors import PlanError

MAX_BYTES = 1 << 20
#: YAML is read twenty times slower than JSON, and a call has to wait for it
MAX_YAML_BYTES = 128 << 10
MAX_DEPTH = 64
MAX_VALUES = 100_000


def data_of(raw: Any, name: str) -> Any:
    """What a text says, or plain data as it is; both bounded. Raises PlanError."""
    data = _parsed(raw, name) if isinstance(raw, str | bytes) else raw
    _measure(data, name)
    return data


def _parsed(raw: str | bytes, name: str) -> Any:
    text = raw if isinstance(raw, bytes) else raw.encode("utf-8", "replace")
    if len(text) > MAX_BYTES:
        raise PlanError(f"{name}: larger than {MAX_BYTES} bytes")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise PlanError(f"{name}: nested too deeply") from error
    except ValueError as error:
        if text.lstrip()[:1] in (b"{", b"["):
            raise PlanError(f"{name}: not JSON: {error}") from error
    return _yaml(text, name)


def _yaml(text: bytes, name: str) -> Any:
    if len(text) > MAX_YAML_BYTES:
        raise PlanError(f"{name}: larger than {MAX_YAML_BYTES} bytes: as JSON it may be larger")
    try:
        return YAML(typ="safe").load(StringIO(text.decode("utf-8")))
    except MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise PlanError(f"{name}: {line}{error.problem or 'not YAML'}") from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise PlanError(f"{name}: neither JSON nor YAML") from error


def _measure(data: Any, name: str) -> None:
    """Refuse what is too deep or too much; an alias of YAML counts wherever it stands."""
    todo, count = [(data, 0)], 0
    while todo:
        node, depth = todo.pop()
        count += 1
        if depth > MAX_DEPTH or count > MAX_VALUES:
            raise PlanError(f"{name}: nested too deeply, or too much of it")
        if isinstance(node, Mapping):
            todo += ((value, depth + 1) for value in node.values())
        elif isinstance(node, list | tuple):
            todo += ((value, depth + 1) for value in node)
