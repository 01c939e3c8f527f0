"""Ears and minds for verbs that are no talk: transcription, translation, a silent listener."""

from functools import partial

from sipagent.agent.failover import Candidate
from sipagent.agent.prices import Prices
from sipagent.agent.protocols import Brain, Transcriber
from sipagent.agent.spec import AgentSpec, ProviderRef
from sipagent.agent.writing import Pen
from sipagent.call.session import CallSession
from sipagent.config import Settings
from sipagent.dialplan.model import Plan
from sipagent.errors import ProviderError
from sipagent.providers.kit import Kit
from sipagent.providers.registry import EARS, LANGUAGE_MODELS, MINDS, MOUTHS, resolve

from .makers import Makers, RegisteredMakers

#: ears that know only what they are told to expect, and those of benches
_NARROW = frozenset({"grammar", "instant"})


class OtherEars:
    """Ears by the name of an engine; for no name those of the plan's agents, or else the first
    under `providers:` that are nothing but ears.
    """

    def __init__(self, settings: Settings, plan: Plan, makers: Makers | None = None) -> None:
        self._makers = makers or RegisteredMakers(settings)
        self._settings = settings
        self._plan = plan

    def __call__(self, engine: str, rate: int) -> Transcriber:
        """Raises ProviderError."""
        ref = self._named(engine) or self._agents() or self._first()
        if ref is None:
            cause = "there are no ears here that hear any words: configure some under providers:"
            raise ProviderError(engine or "ears", cause, retryable=False)
        return self._makers.ears(ref, Kit(rate, AgentSpec(), None))

    def _named(self, engine: str) -> ProviderRef | None:
        known = self._settings.providers
        if engine in known:
            return ProviderRef(provider=engine)
        same = (name for name, provider in known.items() if engine and provider.kind == engine)
        name = next(same, None)
        return None if name is None else ProviderRef(provider=name)

    def _agents(self) -> ProviderRef | None:
        refs = (ref for agent in self._plan.agents.values() for ref in agent.ears)
        return next((ref for ref in refs if self._hears_all(ref)), None)

    def _first(self) -> ProviderRef | None:
        kinds = EARS.keys() - MINDS.keys() - _NARROW
        names = (n for n, p in self._settings.providers.items() if p.kind in kinds - MOUTHS.keys())
        others = (n for n, p in self._settings.providers.items() if p.kind in kinds)
        name = next(names, None) or next(others, None)
        return None if name is None else ProviderRef(provider=name)

    def _hears_all(self, ref: ProviderRef) -> bool:
        try:
            kind, _ = resolve(ref, self._settings)
        except ProviderError:
            return False
        return kind in EARS and kind not in _NARROW


class HouseModels:
    """`Models`: by name or kind; else what the plan's agents think with, else the first under
    `providers:`.
    """

    def __init__(
        self, settings: Settings, plan: Plan, rate: int, makers: Makers | None = None
    ) -> None:
        self._makers = makers or RegisteredMakers(settings)
        self._settings = settings
        self._plan = plan
        self._rate = rate

    def open(self, call: CallSession, name: str = "") -> Pen:
        """See `Models`."""
        return Pen(call, (self.candidate(name),))

    def candidate(self, name: str = "") -> Candidate[Brain]:
        """Raises ProviderError where there is none."""
        ref = self._named(name) or self._agents() or self._first()
        if ref is None:
            cause = "this needs a language model under providers: of sipagent.yaml"
            raise ProviderError(name or "model", cause, retryable=False)
        configured = self._settings.providers.get(ref.provider)
        prices = configured.prices if configured else Prices()
        kit = Kit(self._rate, AgentSpec(), None)
        make = partial(self._makers.mind, ref, kit, purpose="writing")
        return Candidate(ref.provider, make, prices)

    def _named(self, name: str) -> ProviderRef | None:
        provider = self._settings.providers.get(name)
        known = provider is not None and provider.kind in LANGUAGE_MODELS
        return ProviderRef(provider=name) if known else None

    def _agents(self) -> ProviderRef | None:
        refs = (ref for agent in self._plan.agents.values() for ref in agent.brain)
        return next((ref for ref in refs if self._writes(ref)), None)

    def _first(self) -> ProviderRef | None:
        known = self._settings.providers.items()
        name = next((n for n, p in known if p.kind in LANGUAGE_MODELS), None)
        return None if name is None else ProviderRef(provider=name)

    def _writes(self, ref: ProviderRef) -> bool:
        try:
            kind, _ = resolve(ref, self._settings)
        except ProviderError:
            return False
        return kind in LANGUAGE_MODELS
