"""What an SWML `ai` object says of speech, in an agent's own keys. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from .organs import OrganFinder
from .values import flag, listed, objects, text, texts

_LANGUAGE = frozenset(
    {
        "name", "code", "voice", "engine", "model", "emotion", "speed", "params", "fillers",
        "speech_fillers", "function_fillers", "provider",
    }
)  # fmt: skip


#: languages of which ears that know several are told `multi`
_NAMED = {
    "chinese": "zh", "dutch": "nl", "english": "en", "french": "fr", "german": "de", "hindi": "hi",
    "italian": "it", "japanese": "ja", "korean": "ko", "portuguese": "pt", "russian": "ru",
    "spanish": "es",
}  # fmt: skip
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def speech_of(ai: Mapping[str, Any], organs: OrganFinder) -> dict[str, Any]:
    """`hints`, `reword`, `pronounce` and `languages` of an agent. What has another shape than
    SWML gives it is left out: such a document is another platform's, and ran there.
    """
    several = _multilingual(ai.get("multilingual")) or list(objects(ai.get("languages")))
    hints = [hint for one in listed(ai.get("hints")) if (hint := _hint(one))]
    return {
        "languages": [_language(one, organs) for one in several if _code(one)],
        "hints": hints,
        "reword": [rule for one in objects(ai.get("hints")) if (rule := _rewording(one))],
        "pronounce": [_rule(one) for one in objects(ai.get("pronounce")) if one.get("replace")],
    }


def _multilingual(raw: Any) -> list[Mapping[str, Any]]:
    """Languages that ears tell apart themselves: `{languages: [...]}`, or a list of them."""
    inner = raw.get("languages") if isinstance(raw, Mapping) else raw
    codes = [{"code": one, "name": one} for one in listed(inner) if isinstance(one, str)]
    return [*objects(inner), *codes]


def _language(one: Mapping[str, Any], organs: OrganFinder) -> dict[str, Any]:
    code = _code(one)
    kept: dict[str, Any] = {"code": code, "name": text(one.get("name")) or code}
    if voice := text(one.get("voice")):
        kept |= organs.voice(voice, text(one.get("engine")), text(one.get("model")))
    organs.notes += [
        f"languages.{code}.{key} is not known and is ignored" for key in one if key not in _LANGUAGE
    ]
    both = texts(one.get("fillers"))
    thinking = texts(one.get("speech_fillers")) or both
    tools = texts(one.get("function_fillers")) or both
    if thinking or tools:
        kept["fillers"] = {"thinking": thinking, "tools": {"default": tools}}
    return kept


def _code(one: Mapping[str, Any]) -> str:
    """A BCP 47 tag, empty where there is none; of one that is called `multi`, by its name."""
    code = (text(one.get("code")) or "").replace("_", "-")
    if code.lower() == "multi":
        code = _NAMED.get((text(one.get("name")) or "").split(" ")[0].lower(), "")
    return code if _TAG.fullmatch(code) else ""


def _hint(one: Any) -> str:
    """A word, or `{hint: word, ...}` with a rule for what was heard."""
    return text(one.get("hint") if isinstance(one, Mapping) else one) or ""


def _rewording(one: Mapping[str, Any]) -> dict[str, Any] | None:
    if not (pattern := text(one.get("pattern"))) or not isinstance(one.get("replace"), str):
        return None
    ignore_case = bool(flag(one.get("ignore_case")))
    return {"pattern": pattern, "replace": one["replace"], "ignore_case": ignore_case}


def _rule(one: Mapping[str, Any]) -> dict[str, Any]:
    spoken = str(one.get("with", ""))
    ignore_case = flag(one.get("ignore_case", True)) is not False
    return {"replace": str(one["replace"]), "with": spoken, "ignore_case": ignore_case}
