"""A model that listens to a call and never speaks in it, as the verb sees it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from sipagent.errors import PlanError

if TYPE_CHECKING:
    from .control import CallControl


class Sidecar(Protocol):
    """One listener for the length of a bridged call."""

    def hear(self, role: str, text: str) -> None:
        """Somebody said this; nothing is thought yet."""
        ...

    async def think(self) -> str:
        """What it has to say of what it heard, to the operator; it may call its tools first. Empty
        where it has nothing to say. Raises ProviderError.
        """
        ...

    async def aclose(self) -> None:
        """The call is over. Never raises."""
        ...


class Sidecars(Protocol):
    """Makes them."""

    def sidecar(self, about: Mapping[str, Any], control: "CallControl") -> Sidecar:
        """Of an object with `prompt`, `SWAIG`, `global_data` and `params`, as `ai` has them. Raises
        PlanError where it cannot be, also for want of a language model.
        """
        ...


class NoSidecars:
    """A house without models."""

    def sidecar(self, about: Mapping[str, Any], control: "CallControl") -> Sidecar:
        """See `Sidecars`."""
        raise PlanError("ai_sidecar needs a language model under providers: of sipagent.yaml")
