"""Templates and conditions: plain paths looked up, everything else run in a bounded JavaScript."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import quickjs

from sipagent.errors import PlanError

#: what one expression may use
MEMORY_BYTES = 8 << 20
STACK_BYTES = 256 << 10
SECONDS = 0.05

_PATH = re.compile(r"[A-Za-z_$][\w$]*(?:\.[\w$-]+|\[\d+\])*")
_PART = re.compile(r"[\w$-]+")
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_LITERALS = frozenset({"true", "false", "null", "undefined", "NaN", "Infinity", "this"})
_QUOTES = "\"'`"


@dataclass(frozen=True, slots=True)
class _Text:
    text: str


@dataclass(frozen=True, slots=True)
class _Template:
    expression: str


def has_template(value: Any) -> bool:
    """True where a template stands anywhere in `value`."""
    if isinstance(value, Mapping):
        return any(map(has_template, value.values()))
    if isinstance(value, list | tuple):
        return any(map(has_template, value))
    return isinstance(value, str) and ("${" in value or "%{" in value)


def expressions_in(text: str) -> list[str]:
    """The expressions of the templates in `text`. Raises PlanError for one that is not closed."""
    return [part.expression for part in _parts(text) if isinstance(part, _Template)]


class JavaScript:
    """The `Expressions` of a call. Every evaluation has a context of its own."""

    def expand(self, value: Any, scope: Mapping[str, Any]) -> Any:
        """See `Expressions`."""
        if isinstance(value, Mapping):
            return {key: self.expand(item, scope) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.expand(item, scope) for item in value]
        if not isinstance(value, str) or not has_template(value):
            return value
        parts = list(_parts(value))
        if len(parts) == 1 and isinstance(parts[0], _Template):
            return self._value(parts[0].expression, scope)
        return "".join(
            part.text if isinstance(part, _Text) else _as_text(self._value(part.expression, scope))
            for part in parts
        )

    def evaluate(self, expression: str, scope: Mapping[str, Any]) -> Any:
        """See `Expressions`. A template in it stands for its value, inside quotes for its text."""
        return _run(self._untemplated(expression, scope), scope)

    def check(self, expression: str) -> str:
        """What is wrong with the expression's grammar, or the empty string. Nothing is run."""
        try:
            source = self._untemplated(expression, {})
        except PlanError as error:
            return str(error)
        return _grammar(source)

    def _value(self, expression: str, scope: Mapping[str, Any]) -> Any:
        path = expression.strip()
        if _PATH.fullmatch(path) and path not in _LITERALS:
            found, value = _look_up(path, scope)
            if found or "-" not in path:
                return value
        return _run(path, scope)

    def _untemplated(self, expression: str, scope: Mapping[str, Any]) -> str:
        source, quote = "", ""
        for part in _parts(expression) if "`" not in expression else [_Text(expression)]:
            if isinstance(part, _Text):
                source += part.text
                quote = _open_quote(part.text, quote)
            elif quote:
                text = json.dumps(_as_text(self._value(part.expression, scope)))
                source += text[1:-1].replace("'", "\\'")
            else:
                source += f"({part.expression})"
        return source


def _parts(text: str) -> Iterator[_Text | _Template]:
    """Cut at `${...}` and `%{...}`, which may hold braces and strings of their own."""
    start, index = 0, 0
    while index < len(text) - 1:
        if text[index] in "$%" and text[index + 1] == "{":
            end = _closing(text, index + 2)
            if start < index:
                yield _Text(text[start:index])
            yield _Template(text[index + 2 : end])
            start = index = end + 1
        else:
            index += 1
    if start < len(text):
        yield _Text(text[start:])


def _closing(text: str, start: int) -> int:
    depth, quote, index = 1, "", start
    while index < len(text):
        char = text[index]
        if char == "\\":
            index += 1
        elif quote:
            quote = "" if char == quote else quote
        elif char in _QUOTES:
            quote = char
        elif char in "{}":
            depth += 1 if char == "{" else -1
            if depth == 0:
                return index
        index += 1
    raise PlanError(f"a template is not closed: {text[start - 2 :]!r}")


def _open_quote(text: str, quote: str) -> str:
    index = 0
    while index < len(text):
        if text[index] == "\\":
            index += 1
        elif quote:
            quote = "" if text[index] == quote else quote
        elif text[index] in _QUOTES:
            quote = text[index]
        index += 1
    return quote


def _look_up(path: str, scope: Mapping[str, Any]) -> tuple[bool, Any]:
    """A path's value: `vars.x`, or `x` alone for a variable; unset is the empty string."""
    first, *rest = _PART.findall(path)
    variables = scope.get("vars", {})
    if first not in scope and first not in variables:
        return False, ""
    node: Any = scope[first] if first in scope else variables[first]
    for key in rest:
        if isinstance(node, Mapping) and key in node:
            node = node[key]
        elif isinstance(node, list) and key.isdecimal() and int(key) < len(node):
            node = node[int(key)]
        elif isinstance(node, list | str) and key == "length":
            node = len(node)
        else:
            return False, ""
    return True, "" if node is None else node


def _context() -> quickjs.Context:
    context = quickjs.Context()
    context.set_memory_limit(MEMORY_BYTES)
    context.set_max_stack_size(STACK_BYTES)
    context.set_time_limit(SECONDS)
    return context


def _run(expression: str, scope: Mapping[str, Any]) -> Any:
    names = {**scope.get("vars", {}), **scope}
    known = {name: value for name, value in names.items() if _NAME.fullmatch(name)}
    context = _context()
    try:
        for name, value in known.items():
            context.set(name, context.parse_json(json.dumps(value, default=str)))
        # in a function, so that an object literal is a value and not a block
        text = context.eval(f"JSON.stringify((function(){{return (\n{expression}\n)}})())")
    except (quickjs.JSException, quickjs.StackOverflow) as error:
        raise PlanError(f"{expression.strip()!r}: {_first_line(error)}") from error
    return None if text is None else json.loads(text)


def _grammar(expression: str) -> str:
    try:
        _context().eval(f"(function(){{return (\n{expression}\n)}}, 0)")
    except (quickjs.JSException, quickjs.StackOverflow) as error:
        return _first_line(error)
    return ""


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else "failed"


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value, default=str)
