"""ProviderRef: how a plan names a provider; Providers: several in the order they are tried."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class ProviderRef(BaseModel):
    """`{provider: NAME, ...}`: a provider of sipagent.yaml or a built-in one, with options."""

    model_config = ConfigDict(frozen=True, extra="allow")
    provider: str

    @property
    def options(self) -> Mapping[str, Any]:
        """The keys beside `provider`."""
        return self.__pydantic_extra__ or {}


def _one_or_more(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


#: one provider, or several in the order they are tried
Providers = Annotated[
    tuple[ProviderRef, ...],
    BeforeValidator(_one_or_more, json_schema_input_type=ProviderRef | tuple[ProviderRef, ...]),
    Field(min_length=1, max_length=8),
]
