"""Requests: is what a mind is asked now what one was asked then? Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sipagent.store.exchanges import Asked, Exchange

#: of a message, what counts: how sure ears were does not
_MESSAGE = ("role", "text", "digits", "requests", "tool", "failed")


@dataclass(frozen=True, slots=True)
class Unlike:
    """One respect in which a request differs from that on record."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Differing:
    """A request that is not as on record: of which agent, after which words, in what respects, and
    what was done: `answered as on record`, `asked live` or `not answered`.
    """

    agent: str
    words: str
    unlike: tuple[Unlike, ...]
    done: str
    t: int = 0


def unlike(before: Asked, after: Asked) -> tuple[Unlike, ...]:
    """In what they differ; nothing where they are the same."""
    found = []
    if before.provider != after.provider:
        found.append(Unlike("provider", before.provider, after.provider))
    if before.model and after.model and before.model != after.model:
        found.append(Unlike("model", before.model, after.model))
    if before.prompt != after.prompt:
        found.append(Unlike("prompt", before.prompt, after.prompt))
    ours, theirs = _tools(before.tools), _tools(after.tools)
    if ours != theirs:
        changed = sorted(n for n in ours.keys() | theirs.keys() if ours.get(n) != theirs.get(n))
        lists = [", ".join(n for n in changed if n in of) for of in (ours, theirs)]
        found.append(Unlike("tools", *lists))
    told, tells = before.messages, after.messages
    for one, other in zip(told, tells, strict=False):
        if not _alike(one, other):
            found.append(Unlike("messages", _shown(one), _shown(other)))
            break
    else:
        if len(told) != len(tells):
            rest = [" / ".join(_shown(m) for m in of[min(len(told), len(tells)) :])
                    for of in (told, tells)]  # fmt: skip
            found.append(Unlike("messages", *rest))
    return tuple(found)


def answers_to(words: Asked, pool: Sequence[Exchange]) -> Exchange | None:
    """The exchange whose newest message is that of `words`, if any."""
    last = words.messages[-1] if words.messages else {}
    for one in pool:
        theirs = one.asked.messages[-1] if one.asked.messages else {}
        if _plain(theirs) == _plain(last) or (one.answer is not None and one.answer.spoken):
            return one
    return None


def newest(asked: Asked) -> str:
    """The last thing a mind is told, for people."""
    return _shown(asked.messages[-1]) if asked.messages else "the beginning"


def _tools(tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {str(tool["name"]): tool for tool in tools}


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if one.get("interrupted") and other.get("interrupted"):
        # where exactly it was cut is the clock's to say
        texts = sorted((str(one.get("text", "")), str(other.get("text", ""))), key=len)
        return texts[1].startswith(texts[0][: len(texts[0]) // 2])
    return _plain(one) == _plain(other)


def _plain(message: Mapping[str, Any]) -> dict[str, Any]:
    return {name: message[name] for name in _MESSAGE if message.get(name)}


def _shown(message: Mapping[str, Any]) -> str:
    said = message.get("text") or message.get("digits") or ""
    calls = ", ".join(str(request["name"]) for request in message.get("requests", ()))
    return f"{message.get('role', '')}: {said} {f'({calls})' if calls else ''}".strip()
