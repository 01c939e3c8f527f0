"""Nested steps: the parts of a verb that are steps themselves; and keys taken without effect."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, WithJsonSchema

from sipagent.call.step import Step
from sipagent.call.verb import Verb
from sipagent.sources import KeyPath

#: marks a step in a JSON schema, for whoever writes the whole one
STEP = "step"

#: steps in order; the plan's reader has already made them of `{verb: arguments}` mappings
Block = Annotated[
    tuple[InstanceOf[Step], ...],
    WithJsonSchema({"type": "array", "items": {"$comment": STEP}}),
]


def listed(value: Any) -> Any:
    """One value as a list of one."""
    return (value,) if isinstance(value, str) else value


#: one sound or several, in order
Urls = Annotated[tuple[str, ...], BeforeValidator(listed)]


class Ignored:
    """Marks a field SWML has and this server takes without acting on it; the check says so."""


IGNORED = Ignored()


class Nesting(Verb):
    """A verb that holds steps."""

    @classmethod
    @abstractmethod
    def blocks(cls, arguments: Mapping[str, Any]) -> Iterator[KeyPath]:
        """Where in raw arguments lists of steps stand. Tolerates arguments of any shape."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Branch(_Part):
    """One `{when, then, else}`; the last of a list may be `{else}` alone."""

    when: str | None = Field(default=None, description="a JavaScript condition")
    then: Block = ()
    otherwise: Block = Field(default=(), alias="else")


def as_key(value: Any) -> str:
    """A value as a case's key: `true`, `3`, `sales`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def _keys(value: Any) -> Any:
    """YAML reads `1:` and `true:` as what they are; a case's key is text."""
    if isinstance(value, Mapping):
        return {as_key(key): block for key, block in value.items()}
    return value


class Cases(_Part):
    """A choice by the value of a variable."""

    variable: str | None = Field(default=None, description="a path such as vars.choice")
    case: Annotated[Mapping[str, Block], BeforeValidator(_keys)] = Field(default_factory=dict)
    default: Block = ()


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, Mapping) and "when" in value else value


#: what `connect` and `execute` do with their result: a switch, or a list of conditions
Result = Annotated[Cases | tuple[Branch, ...], BeforeValidator(_as_list)]


def branch_blocks(branches: Any, at: KeyPath) -> Iterator[KeyPath]:
    """Blocks of a raw list of branches that stands at `at`."""
    if not isinstance(branches, list):
        return
    for index, branch in enumerate(branches):
        if isinstance(branch, Mapping):
            yield from ((*at, index, key) for key in ("then", "else") if key in branch)


def case_blocks(cases: Any, at: KeyPath) -> Iterator[KeyPath]:
    """Blocks of a raw switch that stands at `at`."""
    if not isinstance(cases, Mapping):
        return
    if isinstance(cases.get("case"), Mapping):
        yield from ((*at, "case", value) for value in cases["case"])
    if "default" in cases:
        yield (*at, "default")


def result_blocks(result: Any, at: KeyPath) -> Iterator[KeyPath]:
    """Blocks of a raw `result` that stands at `at`."""
    if isinstance(result, Mapping) and "when" not in result:
        yield from case_blocks(result, at)
    elif isinstance(result, Mapping):
        yield from ((*at, key) for key in ("then", "else") if key in result)
    else:
        yield from branch_blocks(result, at)
