"""Turns: whose it is to register a trunk, where several servers have the same trunks."""

from collections.abc import Callable
from typing import Protocol

from sipagent.edge.desk import Address


class Turn(Protocol):
    """Of one trunk. `ours` counts at this very moment: it is asked before each REGISTER that is
    sent, repetitions too.
    """

    @property
    def ours(self) -> bool:
        """May this server register it now?"""
        ...

    @property
    def holder(self) -> str:
        """The node whose turn it is, as far as is known."""
        ...

    @property
    def why(self) -> str:
        """What keeps anybody from knowing whose turn it is; else nothing."""
        ...

    @property
    def goes_on(self) -> bool:
        """True where another node goes on with the same Contact when we leave: the registration
        need not be taken back.
        """
        ...

    async def wait(self) -> None:
        """Until it is ours."""
        ...

    async def leave(self) -> None:
        """Another server may have it at once. Idempotent."""
        ...


class Turns(Protocol):
    """Of all trunks."""

    @property
    def contact(self) -> Address | None:
        """Where trunks are to call instead of at our own address."""
        ...

    def of(self, trunk: str, changed: Callable[[], None]) -> Turn:
        """Want the turn of a trunk from now on; `changed` is called when it comes and goes."""
        ...


class Always:
    """The turn of a server that is alone."""

    ours = True
    holder = why = ""
    goes_on = False
    contact: Address | None = None

    def of(self, trunk: str, changed: Callable[[], None]) -> Turn:
        """Ours."""
        return self

    async def wait(self) -> None:
        """It is."""

    async def leave(self) -> None:
        """It stays."""
