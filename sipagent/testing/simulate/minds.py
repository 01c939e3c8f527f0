"""Minds of a simulated call: real models where they can be had, the embedded one elsewhere."""

from collections.abc import Callable

from sipagent.agent.protocols import Brain
from sipagent.agent.realtime.organs import RealtimeBrain
from sipagent.config import Settings
from sipagent.errors import ProviderError
from sipagent.providers.kit import Kit
from sipagent.providers.minds.intents import IntentsBrain
from sipagent.testing.audio import RATE
from sipagent.testing.rehearsal import Wanted
from sipagent.testing.replay.live_minds import LiveMinds
from sipagent.worker.makers import RegisteredMakers


class AtHand:
    """See `rehearsal.Minds`. `note` is told, once for each, which mind stands in for which."""

    def __init__(self, settings: Settings, live: LiveMinds, note: Callable[[str], None]) -> None:
        self._makers = RegisteredMakers(settings)
        self._live = live
        self._note = note
        self._told: set[str] = set()

    def __call__(self, wanted: Wanted) -> Brain | None:
        """See `Minds`."""
        if wanted.embedded:
            return None
        name = wanted.ref.provider
        try:
            if isinstance(self._makers.mind(wanted.ref, _kit(wanted)), RealtimeBrain):
                raise ProviderError(name, "it hears and speaks by itself, and nothing is typed")
            return self._live(wanted)
        except ProviderError as error:
            self._stands_in(name, error.cause)
            return IntentsBrain(wanted.spec)

    def _stands_in(self, name: str, why: str) -> None:
        if name not in self._told:
            self._told.add(name)
            self._note(f"{name} is not asked ({why}): the agent's intents answer in its place")


def _kit(wanted: Wanted) -> Kit:
    return Kit(RATE, wanted.spec, None)
