"""Overhearing: who listens to a call without being in it, by name."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sipagent.errors import CallError, PlanError, ProviderError
from sipagent.media.port import AudioPort

from .tracks import Side

if TYPE_CHECKING:
    from .session import CallSession

#: given the ports by role: what is done with them until they are closed
Work = Callable[[Mapping[str, AudioPort]], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class _Running:
    hold: "asyncio.Task[bool]"
    about: Any


class Overhearing:
    """One of each name at a time. What is under way when the call ends is finished as afterwork,
    last words included.
    """

    def __init__(self, call: "CallSession") -> None:
        self._call = call
        self._running: dict[str, _Running] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._running

    def about(self, name: str) -> Any:
        """What was given at the start. Raises PlanError where nobody of that name listens."""
        try:
            return self._running[name].about
        except KeyError:
            raise PlanError(f"{name} is not running") from None

    def start(self, name: str, sides: Mapping[str, Side], work: Work, about: Any = None) -> None:
        """Listen to these sides, by role, from now on. `work` may refuse before it begins. Raises
        CallError, of them NoConsent where the caller has not agreed.
        """
        self._call.consent.check()
        if name in self._running:
            raise PlanError(f"{name} is running already")
        stack = ExitStack()
        try:
            ports = {
                role: stack.enter_context(self._call.tracks.open(f"{name}-{role}", side))
                for role, side in sides.items()
            }
            finishing = work(ports)
        except ProviderError as error:
            stack.close()
            raise CallError(f"{name}: {error.cause}") from error
        hold = self._call.spawn(asyncio.Event().wait())
        running = self._running[name] = _Running(hold, about)

        def over(_: object) -> None:
            if self._running.get(name) is running:
                del self._running[name]
            stack.close()

        hold.add_done_callback(over)
        self._call.afterwork.add(finishing)

    def stop(self, name: str) -> None:
        """Listen no more. Raises PlanError."""
        self.about(name)
        self._running[name].hold.cancel()

    def stop_all(self) -> None:
        """Nobody listens any more."""
        for name in list(self._running):
            self.stop(name)
