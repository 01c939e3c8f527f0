"""Organs of a rehearsal: ears that know what is said, minds as given, and the embedded mouth."""

from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from functools import cache

from sipagent.agent.protocols import OWN_TONGUE, Brain, Synthesizer, Tongue, Transcriber
from sipagent.agent.spec import AgentSpec, ProviderRef
from sipagent.call.services import SpeechDetector
from sipagent.config import Settings
from sipagent.dialplan.model import Plan
from sipagent.errors import ProviderError
from sipagent.providers.espeak import EspeakMouth
from sipagent.providers.kit import Kit
from sipagent.providers.minds.intents import IntentsBrain
from sipagent.providers.registry import resolve
from sipagent.testing.bed.organs import SparingDetector
from sipagent.worker.makers import Purpose, RegisteredMakers

from .beside import silero
from .minds import Minds, Wanted
from .record import Record
from .voices import KnowingEars, Voice

#: kinds that need no network
_MINDS, _MOUTHS = frozenset({"intents", "instant"}), frozenset({"espeak", "instant"})


@cache
def _made(kind: str, rate: int) -> dict[tuple[str, str, Tongue], tuple[bytes, ...]]:
    """What mouths of this process have said, by text."""
    return {}


@dataclass(frozen=True, slots=True)
class KnowingModels:
    """See `providers.embedded.Models`: the real detector, and ears that know what is said."""

    voices: Collection[Voice]

    def detector(self, rate: int) -> SpeechDetector:
        """See `Models`."""
        return SparingDetector(lambda: silero().detector(rate))

    def ears(self, rate: int) -> Transcriber:
        """See `Models`."""
        return KnowingEars(self.voices)


class RememberingMouth:
    """A Synthesizer over another one: what it has said once in this process it says again at once.
    `kind` names all that makes it sound as it does.
    """

    def __init__(self, inner: Synthesizer, kind: str, rate: int) -> None:
        self._inner = inner
        self._kind = kind
        self._made = _made(kind, rate)

    async def synthesize(self, text: str, tongue: Tongue = OWN_TONGUE) -> AsyncIterator[bytes]:
        """See `Synthesizer`."""
        key = (self._kind, text, tongue)
        if key not in self._made:
            self._made[key] = tuple([pcm async for pcm in self._inner.synthesize(text, tongue)])
        for pcm in self._made[key]:
            yield pcm


@dataclass(slots=True)
class RehearsalMakers:
    """See `worker.makers.Makers`. `own_ears` are None for those that know what is said; `told` is
    told which agents there are, and what embedded minds act on.
    """

    settings: Settings
    plan: Plan
    models: KnowingModels
    minds: Minds
    own_ears: Callable[[ProviderRef, Kit], Transcriber] | None
    told: Record
    _registered: RegisteredMakers = field(init=False)

    def __post_init__(self) -> None:
        self._registered = RegisteredMakers(self.settings)

    def ears(self, ref: ProviderRef, kit: Kit) -> Transcriber:
        """See `Makers`."""
        return self.models.ears(kit.rate) if self.own_ears is None else self.own_ears(ref, kit)

    def mind(self, ref: ProviderRef, kit: Kit, purpose: Purpose = "talk") -> Brain:
        """See `Makers`."""
        kind, _ = resolve(ref, self.settings)
        agent = self._name(kit.spec)
        if purpose == "talk":
            self.told.agent(agent)
        given = self.minds(Wanted(agent, purpose, ref, kit.spec, kind in _MINDS))
        if given is not None:
            return given
        if kind == "intents":
            return IntentsBrain(kit.spec, acted=lambda intent: self.told.intent(agent, intent))
        if kind in _MINDS:
            return self._registered.mind(ref, kit, purpose)
        cause = f"{kind} is not asked in a rehearsal: give this mind answers, or a cassette"
        raise ProviderError(ref.provider, cause, retryable=False)

    def mouth(self, ref: ProviderRef, kit: Kit) -> Synthesizer:
        """See `Makers`. The embedded one speaks for those of a vendor."""
        kind, options = resolve(ref, self.settings)
        if kind in _MOUTHS:
            made = self._registered.mouth(ref, kit)
        else:
            made, options = EspeakMouth(kit.rate), {}
        return RememberingMouth(made, f"{kind} {sorted(options.items())}", kit.rate)

    def _name(self, spec: AgentSpec) -> str:
        return next((name for name, known in self.plan.agents.items() if known is spec), "")
