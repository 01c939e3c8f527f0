"""What a caller is likely to say now: by what the mind expects, what it asked, and what the tools
on offer could take. Pure.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sipagent.tools.spec import ToolSpec

from ..lexicon.known import lexicon
from ..lexicon.words import Asked, Lexicon, plain
from ..protocols import Awaited, Expectation
from .rules import Awaiting

_SENTENCE = re.compile(r"(?<=[.!?\u3002\uff01\uff1f])\s+")
#: words in a parameter's name, whatever language is spoken
_NAMED: Mapping[Awaited, frozenset[str]] = {
    "email": frozenset({"email", "mail"}),
    "address": frozenset({"address", "street"}),
    "number": frozenset(
        {
            "account", "birthday", "birthdate", "code", "iban", "id", "mobile", "number", "phone",
            "pin", "postcode", "reference", "serial", "telephone", "zip",
        }
    ),
}  # fmt: skip
#: what one listens for first: an e-mail address is an address, too
_ORDER: tuple[Asked, ...] = ("spelling", "email", "address", "number")
_FIGURES = re.compile(r"\\d|\[0-9")


def awaiting(expected: Expectation, tools: Iterable[ToolSpec] = (), asked: str = "") -> Awaiting:
    """For the rules that end a turn. `asked` is what the agent said last."""
    phrases = frozenset(plain(phrase) for phrase in expected.phrases)
    offered = frozenset(kind for tool in tools for kind in taken_by(tool.parameters))
    found = Awaiting(expected.awaits, offered, phrases, expected.language)
    if expected.awaits != "speech":
        return found
    return replace(found, awaits=asked_for(asked, lexicon(expected.language)))


def asked_for(said: str, words: Lexicon) -> Awaited:
    """What the agent's last sentence asks for, or the question before it."""
    *before, last = _SENTENCE.split(said.strip()) or [""]
    asking = [last, *(sentence for sentence in before[-1:] if sentence.endswith("?"))]
    text = f" {plain(' '.join(asking))} "
    for kind in _ORDER:
        if any(f" {entry} " in text for entry in words.asks[kind]):
            return kind
    return "speech"


def taken_by(schema: Mapping[str, Any]) -> Iterator[Awaited]:
    """What people dictate in pieces and the parameters of a JSON schema hold."""
    properties = schema.get("properties")
    for name, field in properties.items() if isinstance(properties, Mapping) else ():
        if (kind := _kind(name, field if isinstance(field, Mapping) else {})) is not None:
            yield kind


def _kind(name: str, field: Mapping[str, Any]) -> Awaited | None:
    if field.get("format") == "email":
        return "email"
    if "enum" in field or "const" in field:
        return None
    parts = set(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().split("_"))
    for kind, words in _NAMED.items():
        if parts & words:
            return kind
    return "number" if _FIGURES.search(str(field.get("pattern", ""))) else None
