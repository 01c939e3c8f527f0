"""What an agent's declaration is made of: strict parts, and one word where several may stand."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Part(BaseModel):
    """A piece of an agent's declaration."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


#: one text, or a list of them
Words = Annotated[tuple[str, ...], BeforeValidator(_several)]
