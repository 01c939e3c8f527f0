"""Makers: who makes the ears, minds and mouths of a call: the registry's providers, in life."""

from typing import Literal, Protocol

from sipagent.agent.protocols import Brain, Synthesizer, Transcriber
from sipagent.agent.spec import ProviderRef
from sipagent.config import Settings
from sipagent.providers.kit import Kit
from sipagent.providers.mouths import mouth
from sipagent.providers.registry import EARS, MINDS, pick

#: what a mind is wanted for: to talk, to sum a talk up, to report it, to advise the agent, or to
#: write for a verb
Purpose = Literal["talk", "summary", "report", "sidecar", "writing"]


class Makers(Protocol):
    """`kit.spec` is the agent's declaration. All of them raise ProviderError."""

    def ears(self, ref: ProviderRef, kit: Kit) -> Transcriber:
        """Ears as a plan names them."""
        ...

    def mind(self, ref: ProviderRef, kit: Kit, purpose: Purpose = "talk") -> Brain:
        """A mind as a plan names it."""
        ...

    def mouth(self, ref: ProviderRef, kit: Kit) -> Synthesizer:
        """A mouth as a plan names it, with those of languages that have their own."""
        ...


class RegisteredMakers:
    """By the names of the registry and of sipagent.yaml."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def ears(self, ref: ProviderRef, kit: Kit) -> Transcriber:
        """See `Makers`."""
        made: Transcriber = pick(EARS, ref, kit, self._settings)
        return made

    def mind(self, ref: ProviderRef, kit: Kit, purpose: Purpose = "talk") -> Brain:
        """See `Makers`."""
        made: Brain = pick(MINDS, ref, kit, self._settings)
        return made

    def mouth(self, ref: ProviderRef, kit: Kit) -> Synthesizer:
        """See `Makers`."""
        return mouth(ref, kit, self._settings)
