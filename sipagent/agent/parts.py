"""What an agent's declaration is made of: strict parts, and one word where several may stand."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Part(BaseModel):
    """A piece of an agent's declaration."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


#: one number of seconds, or a list of them
Seconds = Annotated[
    tuple[Annotated[float, Field(gt=0, le=3600)], ...],
    BeforeValidator(
        lambda value: (value,) if isinstance(value, int | float) else value,
        json_schema_input_type=float | tuple[float, ...],
    ),
    Field(min_length=1, max_length=10),
]

#: one text, or a list of them
Words = Annotated[tuple[str, ...], BeforeValidator(_several)]
