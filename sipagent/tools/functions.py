"""Plain async functions as tools: schema from the signature, words from the docstring."""

import inspect
import json
import re
import traceback
from collections.abc import Callable, Container, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, get_type_hints, overload

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, create_model
from pydantic_core import PydanticSerializationError, to_jsonable_python

from sipagent.call.control import CallControl
from sipagent.errors import ToolError
from sipagent.events import Warned

from .spec import ToolResult, ToolSpec

AsyncFunction = Callable[..., Coroutine[Any, Any, Any]]
F = TypeVar("F", bound=AsyncFunction)

#: bytes of UTF-8 a model reads of one result; the rest is cut, and the model is told
MAX_RESULT = 8_192
TIMEOUT = 10.0
CALL = "call"
_MARK = "__sipagent_tool__"
_FIELD = re.compile(r"^:param\s+(?:\w+\s+)?(\w+):\s*(.*)$")
_ARGUMENT = re.compile(r"^(\w+)(?:\s*\([^)]*\))?:\s*(.*)$")
_SECTIONS = frozenset({"args:", "arguments:", "parameters:"})
_ENDS = frozenset({"returns:", "return:", "raises:", "yields:", "example:", "examples:", "note:"})


@dataclass(frozen=True, slots=True)
class _Mark:
    name: str | None
    timeout: float


@overload
def tool(function: F, /) -> F: ...
@overload
def tool(*, name: str | None = None, timeout: float = TIMEOUT) -> Callable[[F], F]: ...
def tool(
    function: F | None = None, /, *, name: str | None = None, timeout: float = TIMEOUT
) -> F | Callable[[F], F]:
    """Offer an async function to models; it stays an ordinary function.

    Its name, parameters, annotations and docstring are all the model sees. A parameter named
    `call` gets the caller's CallControl and is not shown, and one annotated `SecretStr` gets what
    `collect_secure` keeps under its name: the function is not run without, and once it has worked
    the secret is wiped. `timeout` is in seconds. Only marked functions are tools, so that helpers
    in the same file are not.
    """

    def mark(marked: F) -> F:
        setattr(marked, _MARK, _Mark(name, timeout))
        return marked

    return mark if function is None else mark(function)


def is_marked(thing: object) -> bool:
    """True for what `@tool` was put on."""
    return isinstance(getattr(thing, _MARK, None), _Mark)


def tool_of(function: AsyncFunction) -> ToolSpec:
    """A function as a tool. Raises TypeError where its signature cannot be one."""
    mark = getattr(function, _MARK, None) or _Mark(None, TIMEOUT)
    name = mark.name or function.__name__
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"{name} must be an async function (async def)")
    description, words = described(inspect.getdoc(function) or "")
    secrets = _secret_parameters(function)
    arguments = _arguments_model(name, function, words, {CALL, *secrets})
    return ToolSpec(
        name=name,
        description=description or name.replace("_", " "),
        parameters=lean_schema(arguments),
        invoke=_Function(name, function, arguments, secrets).invoke,
        timeout=mark.timeout,
    )


def secrets_of(tool: ToolSpec) -> tuple[str, ...]:
    """The secrets a function as a tool takes, by name."""
    owner = getattr(tool.invoke, "__self__", None)
    return owner.secrets if isinstance(owner, _Function) else ()


def place_of(tool: ToolSpec) -> tuple[str, int]:
    """File and line of a function as a tool."""
    owner = getattr(tool.invoke, "__self__", None)
    code = owner.function.__code__ if isinstance(owner, _Function) else None
    return ("", 1) if code is None else (code.co_filename, code.co_firstlineno)


@dataclass(frozen=True, slots=True)
class _Function:
    name: str
    function: AsyncFunction
    arguments: type[BaseModel]
    secrets: tuple[str, ...]

    async def invoke(self, arguments: Mapping[str, Any], call: CallControl) -> ToolResult:
        held = call.call.secrets
        try:
            checked = self.arguments.model_validate(dict(arguments))
        except ValidationError as error:
            return ToolResult(complaint(self.name, error), ok=False)
        values = {key: getattr(checked, key) for key in self.arguments.model_fields}
        if missing := [name for name in self.secrets if name not in held]:
            wanted = f"the caller has not typed the {missing[0]} yet (collect_secure)"
            return ToolResult(f"{self.name} was not run: {wanted}", ok=False)
        values |= {name: held.get(name) for name in self.secrets}
        if CALL in inspect.signature(self.function).parameters:
            values[CALL] = call
        result = await self._run(values, call)
        # whatever the function makes of a secret, nobody is to read it in the result
        result = replace(result, text=held.scrub(result.text))
        if result.ok:
            held.wipe(self.secrets)
        return result

    async def _run(self, values: Mapping[str, Any], call: CallControl) -> ToolResult:
        try:
            return as_result(await self.function(**values))
        except ToolError as error:
            return ToolResult(bounded(str(error)), ok=False)
        except Exception as error:
            # The border to the user's own code: whatever it raises, the call goes on.
            place = traceback.extract_tb(error.__traceback__)[-1]
            detail = (
                f"{self.name}: {type(error).__name__}: {error} ({place.filename}:{place.lineno})"
            )
            call.call.emit(Warned, code="tool_error", detail=call.call.secrets.scrub(detail))
            return ToolResult(f"{self.name} failed; go on without it", ok=False)


def _secret_parameters(function: AsyncFunction) -> tuple[str, ...]:
    hints = get_type_hints(function)
    return tuple(
        name for name in inspect.signature(function).parameters if hints.get(name) is SecretStr
    )


def _arguments_model(
    name: str, function: AsyncFunction, words: Mapping[str, str], hidden: Container[str]
) -> type[BaseModel]:
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in hidden:
            continue
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"{name}: {parameter} cannot be given by name")
        if parameter.name not in hints:
            raise TypeError(f"{name}: parameter {parameter.name} needs a type annotation")
        default = ... if parameter.default is parameter.empty else parameter.default
        described_as = Field(default, description=words.get(parameter.name))
        fields[parameter.name] = (hints[parameter.name], described_as)
    try:
        return create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
    except (NameError, RuntimeError) as error:
        raise TypeError(f"{name}: {str(error).splitlines()[0]}") from error


def described(doc: str) -> tuple[str, dict[str, str]]:
    """A docstring as its description and the words on each parameter (`Args:` or `:param x:`)."""
    description: list[str] = []
    words: dict[str, str] = {}
    inside, current = "description", ""
    for line in doc.splitlines():
        text = line.strip()
        found = _FIELD.match(text)
        if text.lower() in _SECTIONS:
            inside = "arguments"
        elif text.lower() in _ENDS or (text.startswith(":") and not found):
            inside = "end"
        elif found or (inside == "arguments" and (found := _ARGUMENT.match(text))):
            current, words[found[1]] = found[1], found[2]
            inside = "arguments"
        elif inside == "arguments" and text and current:
            words[current] = f"{words[current]} {text}".strip()
        elif inside == "description":
            description.append(text)
    return " ".join(" ".join(description).split()), words


def lean_schema(model: type[BaseModel]) -> dict[str, Any]:
    """A model's JSON schema without what only costs tokens: titles and empty defaults."""
    schema: dict[str, Any] = _without_titles(model.model_json_schema())
    schema.pop("description", None)
    schema.setdefault("properties", {})
    schema["additionalProperties"] = False
    return schema


def _without_titles(node: Any, *, names: bool = False) -> Any:
    """`names` is True where the keys are the user's own, not JSON Schema's."""
    if isinstance(node, Mapping):
        return {
            key: _without_titles(value, names=not names and key in {"properties", "$defs"})
            for key, value in node.items()
            if names or key != "title"
        }
    return [_without_titles(item) for item in node] if isinstance(node, list) else node


def complaint(name: str, error: ValidationError) -> str:
    """Bad arguments in words a model can act on."""
    parts = []
    for detail in error.errors():
        where = ".".join(str(key) for key in detail["loc"])
        message = str(detail["msg"]).removeprefix("Value error, ")
        if detail["type"] == "extra_forbidden":
            message = "there is no such argument"
        parts.append(f"{where}: {message}" if where else message)
    return f"{name} was not run: {'; '.join(parts)}"


def as_result(value: Any) -> ToolResult:
    """What a tool gave back, as text. Raises ToolError where that cannot be."""
    if isinstance(value, ToolResult):
        return ToolResult(bounded(value.text), value.ok, value.ends_talk)
    if value is None:
        return ToolResult("done")
    if isinstance(value, str):
        return ToolResult(bounded(value))
    try:
        plain = to_jsonable_python(value)
    except PydanticSerializationError as error:
        raise ToolError(f"the result cannot be shown: {error}") from error
    return ToolResult(bounded(json.dumps(plain, ensure_ascii=False)))


def bounded(text: str) -> str:
    """At most MAX_RESULT bytes of text."""
    raw = text.encode()
    if len(raw) <= MAX_RESULT:
        return text
    return raw[:MAX_RESULT].decode(errors="ignore") + f" (cut; {len(raw)} bytes in all)"
