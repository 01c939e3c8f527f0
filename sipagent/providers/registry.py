"""Which provider is what: names in plans and kinds in sipagent.yaml, to ears, minds and mouths.

To add one: write its file, and one line in EARS, MINDS or MOUTHS. Other packages add theirs by
entry points in the group `sipagent.providers`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sipagent.agent.protocols import Brain, Synthesizer, Transcriber
from sipagent.agent.spec import AgentSpec, ProviderRef
from sipagent.config import Settings
from sipagent.errors import ProviderError

from .espeak import EspeakMouth
from .instant import InstantEars, InstantMind, InstantMouth, InstantOptions
from .kit import Kit, Options, checked
from .late import Late
from .minds.intents import IntentsBrain
from .others import Other, others

#: no ears and no mouth: the talker that says back what it hears
ECHO = "echo"
#: where the vendor stands in the model's name
_NAMED = "pydantic-ai"
#: minds that take any words, by a prompt
LANGUAGE_MODELS = frozenset({"openai", "anthropic", "google", _NAMED})
#: keys that say where audio, words and secrets go: a plan may not change them where they are set
_FIXED = frozenset({"base_url", "api_key"})


class _Nothing(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EspeakOptions(BaseModel):
    """Keys beside `provider: espeak`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    voice: str = "en-us"
    speed: int = Field(default=160, ge=80, le=450, description="words a minute")
    pitch: int = Field(default=50, ge=0, le=100)
    volume: float = Field(default=0.0, ge=-60, le=12, description="dB")


def _espeak(kit: Kit, name: str, raw: Options) -> Synthesizer:
    options = checked(EspeakOptions, name, raw)
    return EspeakMouth(
        kit.rate, options.voice, speed=options.speed, pitch=options.pitch, volume=options.volume
    )


def _grammar(kit: Kit, name: str, raw: Options) -> Transcriber:
    checked(_Nothing, name, raw)
    # a plan that is only looked at is not listened to
    return InstantEars() if kit.embedded is None else kit.embedded.ears(kit.rate)


def _intents(kit: Kit, name: str, raw: Options) -> Brain:
    checked(_Nothing, name, raw)
    return IntentsBrain(kit.spec)


def _instant_ears(kit: Kit, name: str, raw: Options) -> Transcriber:
    return InstantEars(checked(InstantOptions, name, raw))


def _instant_mind(kit: Kit, name: str, raw: Options) -> Brain:
    return InstantMind(checked(InstantOptions, name, raw))


def _instant_mouth(kit: Kit, name: str, raw: Options) -> Synthesizer:
    return InstantMouth(kit.rate, checked(InstantOptions, name, raw))


EARS: Mapping[str, Callable[[Kit, str, Options], Transcriber]] = {
    **others("ears"),
    "grammar": _grammar,
    "instant": _instant_ears,
    "openai": Late("sipagent.providers.vendors.openai_speech", "ears"),
    "wyoming": Late("sipagent.providers.vendors.wyoming", "ears"),
    "faster_whisper": Late("sipagent.providers.vendors.faster_whisper", "ears"),
    "vosk": Late("sipagent.providers.vendors.vosk", "ears"),
    "deepgram": Late("sipagent.providers.vendors.deepgram", "ears"),
    "elevenlabs": Late("sipagent.providers.vendors.elevenlabs_scribe", "ears"),
    "cartesia": Late("sipagent.providers.vendors.cartesia_ink", "ears"),
    "assemblyai": Late("sipagent.providers.vendors.assemblyai", "ears"),
}
MINDS: Mapping[str, Callable[[Kit, str, Options], Brain]] = {
    **others("mind"),
    "intents": _intents,
    # pydantic-ai and all it brings: 40 MB that every fork would carry
    "openai": Late("sipagent.providers.minds.openai"),
    "anthropic": Late("sipagent.providers.minds.anthropic", extra="anthropic"),
    "google": Late("sipagent.providers.minds.google", extra="google"),
    "pydantic-ai": Late("sipagent.providers.minds.named"),
    # minds that hear and speak by themselves
    "gemini-live": Late("sipagent.providers.vendors.gemini_live"),
    "openai-realtime": Late("sipagent.providers.vendors.openai_realtime"),
    "instant": _instant_mind,
}
#: of the minds, those that hear and speak by themselves; see `writes_itself`
SPEAKING: Mapping[str, bool] = {"gemini-live": False, "openai-realtime": True}
MOUTHS: Mapping[str, Callable[[Kit, str, Options], Synthesizer]] = {
    **others("mouth"),
    "espeak": _espeak,
    "instant": _instant_mouth,
    "openai": Late("sipagent.providers.vendors.openai_speech", "mouth"),
    "wyoming": Late("sipagent.providers.vendors.wyoming", "mouth"),
    "piper": Late("sipagent.providers.vendors.piper", "mouth"),
    "deepgram": Late("sipagent.providers.vendors.deepgram_aura", "mouth"),
    "elevenlabs": Late("sipagent.providers.vendors.elevenlabs", "mouth"),
    "cartesia": Late("sipagent.providers.vendors.cartesia", "mouth"),
}

#: by the agent's key
ROLES: Mapping[str, Mapping[str, Callable[[Kit, str, Options], Any]]] = {
    "brain": MINDS,
    "ears": EARS,
    "voice": MOUTHS,
}


def known_providers(settings: Settings) -> frozenset[str]:
    """Every name a plan may put behind `provider:`."""
    return frozenset({*EARS, *MINDS, *MOUTHS, ECHO, *settings.providers})


def late_kinds(settings: Settings, plans: Iterable[bytes]) -> tuple[Late[Any] | Other, ...]:
    """Kinds that settings configure or a plan names and that are heavy: to be loaded before the
    first fork. `plans` are files as they stand.
    """
    texts = tuple(plans)
    configured = {provider.kind for provider in settings.providers.values()}
    kinds = [*EARS.items(), *MINDS.items(), *MOUTHS.items()]
    return tuple(
        maker
        for kind, maker in kinds
        if isinstance(maker, Late | Other)
        and (kind in configured or any(kind.encode() in text for text in texts))
    )


def resolve(ref: ProviderRef, settings: Settings) -> tuple[str, Options]:
    """The kind behind a name, and the options: the settings' with the plan's on top.

    Raises ProviderError where a plan would turn a configured provider's traffic elsewhere.
    """
    configured = settings.providers.get(ref.provider)
    if configured is None:
        return ref.provider, ref.options
    own = configured.__pydantic_extra__ or {}
    if moved := sorted(_FIXED & own.keys() & ref.options.keys()):
        cause = f"{', '.join(moved)} is set in sipagent.yaml; a plan cannot change it"
        raise ProviderError(ref.provider, cause, retryable=False)
    if "api_key" in own and "base_url" in ref.options:
        cause = "a plan cannot send the key of sipagent.yaml to another base_url"
        raise ProviderError(ref.provider, cause, retryable=False)
    both = {**own, **ref.options}
    moves = _vendor(own.get("model")) != _vendor(both.get("model"))
    if "api_key" in own and configured.kind == _NAMED and moves:
        cause = "a plan cannot send the key of sipagent.yaml to another vendor"
        raise ProviderError(ref.provider, cause, retryable=False)
    return configured.kind, both


def _vendor(model: object) -> str:
    """`groq` of `groq:llama`."""
    return str(model or "").partition(":")[0]


def writes_itself(ref: ProviderRef, settings: Settings) -> bool | None:
    """Of a mind that hears and speaks by itself: does it write down what it hears before it has
    answered? None where it needs ears and a mouth.
    """
    try:
        kind, _ = resolve(ref, settings)
    except ProviderError:
        return None
    return SPEAKING.get(kind)


def problem(role: str, spec: AgentSpec, ref: ProviderRef, settings: Settings) -> str:
    """Why the `brain`, `ears` or `voice` (the role) of an agent cannot be made as its plan says,
    or the empty string.
    """
    try:
        pick(ROLES[role], ref, Kit(settings.media.clock_rate, spec, None), settings)
    except ProviderError as error:
        return error.cause
    return ""


def pick(
    makers: Mapping[str, Callable[[Kit, str, Options], Any]],
    ref: ProviderRef,
    kit: Kit,
    settings: Settings,
) -> Any:
    """Make the ears, mind or mouth a plan names. Raises ProviderError."""
    kind, options = resolve(ref, settings)
    if kind not in makers:
        raise ProviderError(
            ref.provider, f"is none of {', '.join(sorted(makers))}", retryable=False
        )
    return makers[kind](kit, ref.provider, options)
