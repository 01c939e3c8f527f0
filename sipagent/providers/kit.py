"""Kit: what every ear, mind and mouth is built with, and how its options are checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sipagent.agent.protocols import Expectation
from sipagent.agent.spec import AgentSpec
from sipagent.errors import ProviderError

from .embedded import Models

#: words beyond these are left out: vendors refuse long lists, and they help less and less
MAX_HINTS = 100

NOTHING_EXPECTED = Expectation()
Options = Mapping[str, Any]
Checked = TypeVar("Checked", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Kit:
    """What every organ is built with: the PCM rate of the call in Hz (8000 or 16000), its agent,
    the loaded models (None where a plan is only looked at).
    """

    rate: int
    spec: AgentSpec
    embedded: Models | None

    @property
    def language(self) -> str:
        """BCP 47 tag of the language the talk begins in; empty where the plan names none."""
        return self.spec.languages[0].code if self.spec.languages else ""

    def hints(self, expected: Expectation = NOTHING_EXPECTED) -> tuple[str, ...]:
        """Words and phrases the ears should lean to, the agent's own first, each once."""
        both = (*self.spec.hints, *expected.phrases)
        return tuple(dict.fromkeys(filter(None, map(str.strip, both))))[:MAX_HINTS]


def checked(model: type[Checked], name: str, options: Options) -> Checked:
    """The options of a provider. Raises ProviderError naming the first that is wrong."""
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ProviderError(name, f"{key}: {first['msg']}", retryable=False) from error
