"""Organs: what an SWML document's models and voices are on this server. Pure."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from sipagent.agent.refs import ProviderRef
from sipagent.config import Settings
from sipagent.config.swml import Swml
from sipagent.errors import PlanError

#: by the beginning of the document's engine of recognition: a kind of ears, and its models
_EARS = {"nova": "deepgram", "flux": "deepgram", "deepgram": "deepgram"}
#: kinds of mouths that know a voice by an id, and the shape of it
_IDS = {
    "elevenlabs": re.compile(r"[A-Za-z0-9]{20}"),
    "cartesia": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
}
#: what is asked of ears, by their kind: the document's parameter and the kind's own option
_ASKED = {
    "deepgram": {"asr_smart_format": "smart_format", "asr_diarize": "diarize"},
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The server's own providers by name, as their kind; which kinds are language models; and
    what sipagent.yaml says of other platforms' names.
    """

    kinds: Mapping[str, str] = field(default_factory=dict)
    language_models: Collection[str] = ()
    swml: Swml = field(default_factory=Swml)

    @classmethod
    def of(cls, settings: Settings, language_models: Collection[str]) -> Self:
        """Of a server."""
        kinds = {name: provider.kind for name, provider in settings.providers.items()}
        return cls(kinds, language_models, settings.swml)


class OrganFinder:
    """For one document; `notes` are what could not be had as it is named."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.notes: list[str] = []
        self._words = vocabulary

    def brain(self, model: str | None, settings: Mapping[str, Any]) -> tuple[ProviderRef, ...]:
        """Who thinks, for a model's name and settings of the prompt. Raises PlanError."""
        known = self._words.swml.models.get(model or "")
        if known is not None:
            return (self._told(known, settings),)
        if model:
            self.notes.append(
                f"model {model} is the default brain here: swml.models of sipagent.yaml may say "
                "another"
            )
        refs = self._words.swml.brain or self._first_model()
        return tuple(self._told(ref, settings) for ref in refs)

    def ears(self, engine: str | None, asked: Mapping[str, Any]) -> tuple[ProviderRef, ...] | None:
        """Who hears; None for the agent's default."""
        refs = self._words.swml.ears
        if engine is not None and (ref := self._hearing(engine)) is not None:
            refs = (ref,)
        if refs is None:
            self._missed(asked, ())
            return None
        return tuple(self._asking(ref, asked) for ref in refs)

    def voice(self, voice: str, engine: str | None, model: str | None) -> dict[str, Any]:
        """`provider` and `voice` of a language whose voice is `engine.voice:model`."""
        named, _, own_model = voice.partition(":")
        prefix, dot, name = named.partition(".")
        engine = engine or (prefix if dot else None)
        known = self._voice(voice, named, engine, name if dot else named)
        if known is not None:
            return known
        spoken = self._by_kind(engine) if engine else None
        if spoken is not None:
            self.notes += self._models(voice, own_model or model)
            return {"provider": spoken, "voice": self._by_id(spoken, name if dot else named)}
        self.notes.append(f"voice {voice} is the default one here: swml.voices may say another")
        return {}

    @property
    def mouth(self) -> tuple[ProviderRef, ...] | None:
        """Who speaks where no voice says another; None for the agent's default."""
        return self._words.swml.voice

    def _first_model(self) -> tuple[ProviderRef, ...]:
        words = self._words
        names = (name for name, kind in words.kinds.items() if kind in words.language_models)
        if (found := next(names, None)) is None:
            raise PlanError("an inline ai needs a language model under providers: of sipagent.yaml")
        return (ProviderRef(provider=found),)

    def _told(self, ref: ProviderRef, settings: Mapping[str, Any]) -> ProviderRef:
        kind = self._words.kinds.get(ref.provider, ref.provider)
        if kind not in self._words.language_models:
            return ref
        return ProviderRef(provider=ref.provider, **{**settings, **ref.options})

    def _hearing(self, engine: str) -> ProviderRef | None:
        begins = engine.lower()
        kind = next((kind for start, kind in _EARS.items() if begins.startswith(start)), None)
        if (found := self._by_kind(kind or begins)) is not None:
            return ProviderRef(provider=found)
        self.notes.append(f"openai_asr_engine {engine}: no such ears are configured here")
        return None

    def _asking(self, ref: ProviderRef, asked: Mapping[str, Any]) -> ProviderRef:
        kind = self._words.kinds.get(ref.provider, ref.provider)
        names = _ASKED.get(kind, {})
        self._missed(asked, names)
        own = {names[key]: value for key, value in asked.items() if key in names}
        return ProviderRef(provider=ref.provider, **{**own, **ref.options})

    def _missed(self, asked: Mapping[str, Any], known: Iterable[str]) -> None:
        wanted = [key for key, value in asked.items() if value and key not in known]
        self.notes += [f"params.{key}: these ears do not have it" for key in wanted]

    def _voice(
        self, voice: str, named: str, engine: str | None, name: str
    ) -> dict[str, Any] | None:
        voices = self._words.swml.voices
        for key in (voice, named, f"{engine}.{name}"):
            if (ref := voices.get(key)) is not None:
                return {"provider": ref.provider, "voice": str(ref.options.get("voice", ""))}
        if engine and (ref := voices.get(engine)) is not None:
            return {"provider": ref.provider, "voice": str(ref.options.get("voice", name))}
        return None

    def _by_kind(self, kind: str) -> str | None:
        """A configured provider of this name, or else of this kind."""
        kinds = self._words.kinds
        if kind in kinds:
            return kind
        return next((name for name, own in kinds.items() if own == kind), None)

    def _by_id(self, provider: str, name: str) -> str:
        """A voice as its vendor knows it; nothing, and the provider's own stands, where that is an
        id and this is a name.
        """
        shape = _IDS.get(self._words.kinds[provider])
        if shape is None or shape.fullmatch(name):
            return name
        self.notes.append(f"voice {name} is {provider}'s own: swml.voices may give its id")
        return ""

    def _models(self, voice: str, model: str | None) -> list[str]:
        return [f"voice {voice}: the model is the provider's own"] if model else []
