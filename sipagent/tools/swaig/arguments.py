"""Arguments of a function: what its schema says, put right where the meaning is plain."""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

#: mistakes a model is told of at once
_TOLD = 5
#: characters of one value that a complaint repeats
_SHOWN = 200
_KEYWORDS = frozenset({"type", "properties", "required", "additionalProperties", "$ref", "anyOf"})
_WORDS = {"true": True, "false": False}


class Arguments:
    """One function's. `schema` is what the model is shown: always that of an object."""

    def __init__(self, declared: Mapping[str, Any]) -> None:
        self.schema = _object(declared)
        #: why the schema cannot be used; arguments are not checked then
        self.problem = ""
        try:
            Draft202012Validator.check_schema(self.schema)
        except SchemaError as error:
            self.problem = f"parameters are no JSON schema: {error.message[:_SHOWN]}"
            self.schema = {"type": "object", "properties": {}}
        # an empty registry: a $ref never makes us fetch anything
        self._validator = Draft202012Validator(self.schema, registry=Registry())

    def checked(self, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """The arguments as the function gets them, and what is wrong with them in words for the
        model: then it is not called.
        """
        given = {key: _fit(value, self._schema_of(key)) for key, value in arguments.items()}
        required = self.schema.get("required") or ()
        # models write null for what they leave out
        given = {k: v for k, v in given.items() if v is not None or k in required}
        if self.problem:
            return given, ""
        try:
            errors = sorted(
                self._validator.iter_errors(given), key=lambda e: list(map(str, e.path))
            )
        except Unresolvable:
            return given, ""
        return given, "; ".join(_said(error) for error in errors[:_TOLD])

    def _schema_of(self, key: str) -> Any:
        return (self.schema.get("properties") or {}).get(key)


def _object(declared: Mapping[str, Any]) -> dict[str, Any]:
    schema = dict(declared)
    if schema and not _KEYWORDS & schema.keys():
        # the properties alone, as older agents write them
        schema = {"type": "object", "properties": schema}
    schema["type"] = "object"
    schema.setdefault("properties", {})
    return schema


def _fit(value: Any, schema: Any) -> Any:
    """What was meant: a number in quotes, a word for yes, a lone item for a list."""
    if not isinstance(schema, Mapping):
        return value
    match schema.get("type"):
        case "integer":
            return _number(value, whole=True)
        case "number":
            return _number(value, whole=False)
        case "boolean" if isinstance(value, str):
            return _WORDS.get(value.strip().lower(), value)
        case "string" if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        case "array":
            items = value if isinstance(value, list) else [value]
            return [_fit(item, schema.get("items")) for item in items]
        case "object" if isinstance(value, Mapping):
            inner = schema.get("properties") or {}
            return {key: _fit(item, inner.get(key)) for key, item in value.items()}
    return value


def _number(value: Any, *, whole: bool) -> Any:
    if isinstance(value, float) and whole and value.is_integer():
        return int(value)
    if not isinstance(value, str):
        return value
    try:
        return int(value) if whole or value.strip().lstrip("+-").isdigit() else float(value)
    except ValueError:
        return value


def _said(error: ValidationError) -> str:
    where = ".".join(str(key) for key in error.absolute_path)
    text = error.message if len(error.message) <= _SHOWN else f"{error.message[:_SHOWN]}..."
    return f"{where}: {text}" if where else text
