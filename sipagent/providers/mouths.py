"""How the mouths of an agent are made: by its list, one for each language, before the cache."""

from sipagent.agent.protocols import Synthesizer
from sipagent.agent.spec import ProviderRef
from sipagent.agent.static import static_sentences
from sipagent.config import Settings

from .kit import Kit
from .registry import MOUTHS, pick, resolve
from .speech_cache import CachedMouth, Kept, SpeechCache
from .tongues import TongueMouth

#: made here in no time
_AT_ONCE = frozenset({"espeak", "instant"})


def mouth(ref: ProviderRef, kit: Kit, settings: Settings) -> Synthesizer:
    """The mouth of a provider of an agent: the first of its list with those of languages that
    have their own; the others stand in for all of them. Raises ProviderError.
    """
    own = _cached(ref, kit, settings)
    if ref != kit.spec.voice[0]:
        return own
    others = {
        one.code: _cached(ProviderRef(provider=one.provider), kit, settings)
        for one in kit.spec.languages
        if one.provider is not None
    }
    return TongueMouth(own, others) if others else own


def _cached(ref: ProviderRef, kit: Kit, settings: Settings) -> Synthesizer:
    made: Synthesizer = pick(MOUTHS, ref, kit, settings)
    kind, options = resolve(ref, settings)
    cache = settings.speech_cache
    how = kit.spec.speech_cache
    if kind in _AT_ONCE or how == "off" or cache.megabytes == 0:
        return made
    sentences = static_sentences(kit.spec)
    folder = cache.folder or settings.state_folder / "speech"
    return CachedMouth(
        made,
        Kept(
            SpeechCache(folder, cache.megabytes * 1_000_000),
            (lambda text: True) if how == "all" else sentences.__contains__,
            kit.rate,
            kind,
            dict(options),
        ),
    )
