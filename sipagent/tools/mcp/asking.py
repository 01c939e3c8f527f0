"""What a server asks of the caller, as questions that can be asked aloud. Pure."""

from collections.abc import Mapping
from typing import Any

from sipagent.call.interview import Field

from .foreign import SPOKEN, cleaned

#: questions in one form: nobody stays on the phone for more
MOST = 6
_CHOICES = 12
#: by the format of a string; what stands here with None cannot be said aloud
_FORMATS = {"email": "email", "date": "date", "uri": None, "date-time": None}


class CannotAsk(ValueError):
    """It cannot be asked on the phone; the message says why."""


def fields_of(schema: Mapping[str, Any] | None) -> tuple[Field, ...]:
    """The questions of a form (an object of primitive properties). Raises CannotAsk."""
    properties = (schema or {}).get("properties")
    if not isinstance(properties, Mapping):
        return ()
    if len(properties) > MOST:
        raise CannotAsk(f"{len(properties)} questions are too many")
    required = (schema or {}).get("required") or ()
    return tuple(
        _field(str(key), part, optional=key not in required) for key, part in properties.items()
    )


def _field(key: str, part: Any, *, optional: bool) -> Field:
    if not isinstance(part, Mapping):
        raise CannotAsk(f"{key} is not described")
    words = cleaned(
        str(part.get("description") or part.get("title") or key.replace("_", " ")), SPOKEN
    )
    if labels := _labels(part):
        *most, last = labels
        either = f"{', '.join(most)} or {last}" if most else last
        return Field(key, f"{words.rstrip('.:?')}: {either}?", "choice", labels, optional)
    question = words if words.endswith("?") else f"{words.rstrip('.:')}?"
    match part.get("type"):
        case "boolean":
            return Field(key, question, "yes_no", optional=optional)
        case "number" | "integer":
            return Field(key, question, "number", optional=optional)
        case "string":
            kind = _FORMATS.get(str(part.get("format")), "string")
            if kind in ("string", "email", "date"):
                return Field(key, question, kind, optional=optional)  # type: ignore[arg-type]
    raise CannotAsk(f"{key} cannot be asked aloud")


def _titled(part: Mapping[str, Any]) -> dict[str, Any]:
    """Values by the words they are chosen by."""
    if isinstance(part.get("oneOf"), list):
        options = [option for option in part["oneOf"] if isinstance(option, Mapping)]
        return {str(o.get("title") or o.get("const")): o.get("const") for o in options}
    values = part.get("enum")
    if not isinstance(values, list):
        return {}
    names = part.get("enumNames")
    named = names if isinstance(names, list) and len(names) == len(values) else values
    return {str(name): value for name, value in zip(named, values, strict=True)}


def _labels(part: Mapping[str, Any]) -> tuple[str, ...]:
    labels = tuple(_titled(part))
    if len(labels) > _CHOICES:
        raise CannotAsk("there are too many choices")
    return tuple(cleaned(label, 60) for label in labels)


def content_of(schema: Mapping[str, Any] | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """The caller's answers as the server wants them. Raises CannotAsk for one that is none."""
    properties = (schema or {}).get("properties") or {}
    content: dict[str, Any] = {}
    for key, value in values.items():
        part = properties[key]
        chosen = {cleaned(label, 60): one for label, one in _titled(part).items()}
        content[key] = chosen.get(value, value) if isinstance(value, str) else value
        if part.get("type") in ("number", "integer"):
            content[key] = _number(key, part, value)
    return content


def _number(key: str, part: Mapping[str, Any], value: Any) -> int | float:
    low, high = part.get("minimum"), part.get("maximum")
    if part.get("type") == "integer" and value != int(value):
        raise CannotAsk(f"{key} is no whole number")
    if (isinstance(low, int | float) and value < low) or (
        isinstance(high, int | float) and value > high
    ):
        raise CannotAsk(f"{key} is out of range")
    return int(value) if part.get("type") == "integer" else float(value)
