"""Actions of verbs that start and stop things: `stop`, `{start: {...}}`, `{summarize: {...}}`."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from sipagent.errors import PlanError

P = TypeVar("P", bound="Part")


class Part(BaseModel):
    """A foreign document's options: what is not known here does no harm."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def read(action: Any) -> tuple[str, Mapping[str, Any]]:
    """The kind of an action, and its options. Raises PlanError."""
    if isinstance(action, str):
        return action, {}
    if isinstance(action, Mapping) and len(action) == 1:
        ((kind, options),) = action.items()
        return str(kind), options if isinstance(options, Mapping) else {}
    raise PlanError("an action is a word, or one key with its options")


def parsed(part: type[P], options: Mapping[str, Any], where: str) -> P:
    """Raises PlanError that says what is wrong."""
    try:
        return part.model_validate(options)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, (where, *first["loc"])))
        raise PlanError(f"{place}: {first['msg']}") from error


def checked(action: Any, kinds: Mapping[str, type[Part]]) -> Any:
    """An action as it stands, where it can be one; what holds templates is looked at when it runs.
    Raises ValueError.
    """
    if "${" in str(action) or "%{" in str(action):
        return action
    try:
        kind, options = read(action)
        if kind not in kinds:
            raise PlanError(f"{kind!r} is none of {', '.join(kinds)}")
        parsed(kinds[kind], options, kind)
    except PlanError as error:
        raise ValueError(str(error)) from error
    return action
