"""Kit: what every ear, mind and mouth is built with, and how its options are checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sipagent.agent.spec import AgentSpec
from sipagent.errors import ProviderError

from .embedded import Embedded

Options = Mapping[str, Any]
Checked = TypeVar("Checked", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Kit:
    """What every organ is built with: the call's sample rate, its agent, the loaded models (None
    where only a mind is made).
    """

    rate: int
    spec: AgentSpec
    embedded: Embedded | None


def checked(model: type[Checked], name: str, options: Options) -> Checked:
    """The options of a provider. Raises ProviderError naming the first that is wrong."""
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ProviderError(name, f"{key}: {first['msg']}", retryable=False) from error
