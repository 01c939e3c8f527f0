"""Language models as verbs use them: a text in, a text out."""

from typing import TYPE_CHECKING, Protocol

from sipagent.errors import ProviderError

if TYPE_CHECKING:
    from .session import CallSession


class Model(Protocol):
    """One model, for one purpose of one call."""

    async def write(self, prompt: str, text: str, *, timeout: float = 20.0) -> str:
        """What it makes of a text by a prompt. Raises ProviderError, also after `timeout` s."""
        ...

    async def aclose(self) -> None:
        """Close its connections. Idempotent."""
        ...


class Models(Protocol):
    """The language models of the house."""

    def open(self, call: "CallSession", name: str = "") -> Model:
        """The one of that name in sipagent.yaml, or else the plan's or the house's own. Raises
        ProviderError where there is none.
        """
        ...


class NoModels:
    """A house without one."""

    def open(self, call: "CallSession", name: str = "") -> Model:
        """See `Models`."""
        cause = "this needs a language model under providers: of sipagent.yaml"
        raise ProviderError(name or "model", cause, retryable=False)
