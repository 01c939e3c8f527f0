"""What an SWML `ai` object says of speech, in an agent's own keys."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

#: keys of a language that mean something here, beside its fillers
_LANGUAGE = ("name", "code", "voice")


def speech_of(ai: Mapping[str, Any]) -> dict[str, Any]:
    """`hints`, `pronounce` and `languages` of an agent. What has another shape than SWML gives it
    is left out: such a document is another platform's, and ran there.
    """
    languages = [_language(one) for one in _objects(ai.get("languages")) if one.get("code")]
    hints = [_hint(one) for one in _listed(ai.get("hints"))]
    rules = [_rule(one) for one in _objects(ai.get("pronounce")) if one.get("replace")]
    return {
        "languages": languages,
        "hints": [hint for hint in hints if hint],
        "pronounce": rules,
    }


def _language(one: Mapping[str, Any]) -> dict[str, Any]:
    """Voices are other platforms' (`elevenlabs.rachel:model`): mouths that do not know one take
    their own.
    """
    kept = {key: str(one[key]) for key in _LANGUAGE if one.get(key)}
    kept.setdefault("name", kept["code"])
    both = _texts(one.get("fillers"))
    thinking = _texts(one.get("speech_fillers")) or both
    tools = _texts(one.get("function_fillers")) or both
    if thinking or tools:
        return {**kept, "fillers": {"thinking": thinking, "tools": {"default": tools}}}
    return kept


def _hint(one: Any) -> str:
    """A word, or `{hint: word, ...}` with a rule for what was heard."""
    return str(one.get("hint", "")) if isinstance(one, Mapping) else str(one)


def _rule(one: Mapping[str, Any]) -> dict[str, Any]:
    spoken = str(one.get("with", ""))
    ignore_case = bool(one.get("ignore_case", True))
    return {"replace": str(one["replace"]), "with": spoken, "ignore_case": ignore_case}


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _objects(value: Any) -> Iterable[Mapping[str, Any]]:
    return (one for one in _listed(value) if isinstance(one, Mapping))


def _texts(value: Any) -> list[str]:
    return [str(text) for text in _listed(value) if isinstance(text, str) and text.strip()]
