"""DataMap: what a function does without a server of its own, as it stands in a document.

Read liberally: keys that are not known are passed over, one where several may stand is a list of
one.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from sipagent.errors import PlanError


def _several(value: Any) -> Any:
    if value is None:
        return ()
    return (value,) if isinstance(value, str | Mapping) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_several), Field(max_length=100)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Expression(_Part):
    """Text searched for a pattern, and the result where it is found, or is not."""

    string: str | None = None
    pattern: str | None = None
    output: Any = None
    nomatch: Any = Field(
        default=None, validation_alias=AliasChoices("nomatch-output", "nomatch_output")
    )


Expressions = Annotated[tuple[Expression, ...], BeforeValidator(_several), Field(max_length=100)]


class ForEach(_Part):
    """A list of the reply, put together to one text."""

    input_key: str
    output_key: str
    append: str
    max: Annotated[int, BeforeValidator(lambda value: value or 0)] = 0


class Webhook(_Part):
    """One request, and what its reply comes to."""

    url: str = ""
    method: Annotated[
        Literal["GET", "POST", "PUT", "PATCH", "DELETE"],
        BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
    ] = "GET"
    headers: Mapping[str, str | int | float] = Field(default_factory=dict)
    params: Any = Field(default=None, validation_alias=AliasChoices("params", "body"))
    form_param: str | None = None
    input_args_as_params: bool = False
    require_args: Names = Field(
        default=(), validation_alias=AliasChoices("require_args", "required_args")
    )
    error_keys: Names = ()
    foreach: ForEach | None = None
    expressions: Expressions = ()
    output: Any = None


class DataMap(_Part):
    """Expressions, then webhooks, then the output of last resort."""

    expressions: Expressions = ()
    webhooks: Annotated[tuple[Webhook, ...], BeforeValidator(_several), Field(max_length=20)] = ()
    output: Any = None
    error_keys: Names = ()

    @classmethod
    def read(cls, raw: Any) -> "DataMap":
        """A data_map from plain data. Raises PlanError that says where it is wrong."""
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            message = str(first["msg"]).removeprefix("Value error, ")
            raise PlanError(f"data_map: {f'{place}: ' if place else ''}{message}") from error
