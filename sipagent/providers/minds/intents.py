"""The embedded mind: declared phrases and keys, and a question back where it is not sure."""

import re
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from itertools import count
from typing import Any

from rapidfuzz import fuzz

from sipagent.agent.conversation import Conversation, Message
from sipagent.agent.protocols import Expectation, Say, ToolCall
from sipagent.agent.spec import AgentSpec, Intent
from sipagent.sources import KeyPath
from sipagent.tools.spec import ToolSpec

#: at or above, the intent is acted on; below `ASK`, it was not understood
ACT, ASK = 0.8, 0.5
#: the runner-up must be this far behind, or the caller is asked which one it was
MARGIN = 0.05
#: percent of letters two words share where one is a slip of the other (what's, whats)
ALIKE = 80
YES = ("yes", "yes please", "yeah", "correct", "that is right")
NO = ("no", "no thank you", "nope", "wrong", "that is wrong")
#: tools whose success the caller notices by himself; other results are read out
TELEPHONY = frozenset(
    {"transfer", "connect", "hangup", "hold", "resume", "send_digits", "play"}
    | {"record_call", "stop_record_call"}
)
LISTED = 5

_ANSWER_KEYS = {"1": True, "2": False}
_NOT_WORDS = re.compile(r"[^\w\s]")
_URI = re.compile(r"\b(?:sips?|tel):\S+")
_STATUS = re.compile(r"^\d{3} (?:[^:]*: )?")
_CANNOT = {
    "transfer": "I cannot put you through",
    "connect": "I cannot put you through",
    "hangup": "I cannot end the call",
    "send_digits": "I cannot send those keys",
}


class IntentsBrain:
    """A Brain over the `intents:` of one agent. Deterministic; one instance a call.

    Keys win over words. Words act at a confidence of 0.8, are asked back from 0.5, and are not
    understood below. The confidence is the ears' own, but never more than the likeness of the
    words to a declared phrase: open-vocabulary ears are sure of words that nobody declared.
    `quiet` names the tools whose success is not read out; `acted` is told the name of every intent
    that is acted on.
    """

    def __init__(
        self,
        spec: AgentSpec,
        *,
        quiet: Collection[str] = TELEPHONY,
        acted: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._acted = acted
        self._spec = spec
        self._quiet = quiet
        self._phrases = {
            name: tuple(_plain(phrase) for phrase in intent.phrases)
            for name, intent in spec.intents.items()
        }
        self._keys = {i.digits: name for name, i in spec.intents.items() if i.digits}
        #: the intent the caller was asked about and has not answered yet
        self._asked: str | None = None
        self._misses = 0
        self._ids = count(1)

    def expects(self, conversation: Conversation) -> Expectation:
        """Every declared phrase, and the ways to say yes and no while a question is open."""
        phrases = [p for intent in self._spec.intents.values() for p in intent.phrases]
        keys = list(self._keys)
        if self._asked is not None:
            phrases += [*YES, *NO]
            keys += _ANSWER_KEYS
        return Expectation(tuple(dict.fromkeys(phrases)), keys=tuple(dict.fromkeys(keys)))

    async def reply(
        self, conversation: Conversation, tools: Sequence[ToolSpec]
    ) -> AsyncIterator[Say | ToolCall]:
        """Answer the newest caller or tool message; nothing where the newest is neither."""
        last = conversation.last
        if last is None:
            return
        if last.role == "tool":
            said = self._after_tool(last)
        elif last.role == "caller":
            said = self._answer(last, tools)
        else:
            said = []
        for part in said:
            yield part

    def _answer(self, heard: Message, tools: Sequence[ToolSpec]) -> list[Say | ToolCall]:
        asked = self._asked
        if asked is not None:
            agreed = _agreed(heard)
            if agreed is not None:
                self._asked = None
                return self._act(asked, tools) if agreed else self._declined()
        if heard.digits:
            name = self._keys.get(heard.digits)
            return self._act(name, tools) if name else self._missed("That key does nothing here.")
        name, confidence = self._best(heard)
        if name is None or confidence < ASK:
            return self._missed(self._spec.reprompt)
        return self._act(name, tools) if confidence >= ACT else self._ask(name)

    def _best(self, heard: Message) -> tuple[str | None, float]:
        words = _plain(heard.text)
        scores = sorted(
            ((max(map(_likeness, [words] * len(p), p)), n) for n, p in self._phrases.items() if p),
            reverse=True,
        )
        if not words or not scores:
            return None, 0.0
        (score, name), rest = scores[0], scores[1:]
        if score < 1.0 and rest and rest[0][0] > score - MARGIN:
            score = min(score, ACT - MARGIN)
        return name, score if heard.confidence is None else min(score, heard.confidence)

    def _act(self, name: str, tools: Sequence[ToolSpec]) -> list[Say | ToolCall]:
        self._asked, self._misses = None, 0
        self._acted(name)
        intent = self._spec.intents[name]
        parts: list[Say | ToolCall] = [Say(intent.say)] if intent.say else []
        if intent.do:
            tool, arguments = next(iter(intent.do.items()))
            parts.append(
                ToolCall(f"intent-{next(self._ids)}", tool, _named(arguments, tool, tools))
            )
        return parts

    def _ask(self, name: str) -> list[Say | ToolCall]:
        self._asked = name
        question = f"Did you want {_in_words(name)}?"
        if any(key in self._keys for key in _ANSWER_KEYS):
            # the keys mean something else the rest of the time, so their meaning now is said
            question += " Press 1 for yes or 2 for no."
        return [Say(question)]

    def _declined(self) -> list[Say | ToolCall]:
        self._misses = 0
        return [Say(f"All right. {self._choices()}".strip())]

    def _missed(self, why: str) -> list[Say | ToolCall]:
        self._misses += 1
        if self._asked is not None and self._misses == 1:
            question = f"did you want {_in_words(self._asked)}?"
            return [Say(f"{why} Yes or no, {question} You can press 1 for yes or 2 for no.")]
        self._asked = None
        offer = self._choices() if self._misses == 1 else self._offered_keys() or self._choices()
        return [Say(f"{why} {offer}".strip())]

    def _choices(self) -> str:
        """What can be said, each by its first declared phrase: those are what the ears know."""
        phrases = [i.phrases[0] for i in self._spec.intents.values() if i.phrases]
        return f"You can say: {_listed(phrases)}." if phrases else self._offered_keys()

    def _offered_keys(self) -> str:
        keys = [f"press {key} for {_in_words(name)}" for key, name in self._keys.items()]
        return f"Please {_listed(keys)}." if keys else ""

    def _after_tool(self, result: Message) -> list[Say | ToolCall]:
        if not result.ok:
            cannot = _CANNOT.get(result.tool, "that did not work")
            return [Say(f"I am sorry, {cannot}: {_reason(result.text)}. What else can I do?")]
        if result.tool in self._quiet or not result.text.strip():
            return []
        return [Say(result.text)]


def problems(intents: Mapping[str, Intent]) -> list[tuple[KeyPath, str]]:
    """What is wrong with declared intents and where, from the intent's name on; for the check of
    plans. Phrases are the same here when they are the same to the mind.
    """
    found: list[tuple[KeyPath, str]] = []
    owners: dict[str, str] = {}
    for name, intent in intents.items():
        if not intent.phrases and not intent.digits:
            found.append(((name,), "needs phrases or digits: nothing can reach it"))
        if not intent.say and not intent.do:
            found.append(((name,), "needs say or do: it would be met with silence"))
        for place, way in _ways(intent):
            if owners.setdefault(way, name) != name:
                found.append(((name, *place), f"{way!r} already means {owners[way]}"))
    return found


def _ways(intent: Intent) -> Iterator[tuple[KeyPath, str]]:
    for index, phrase in enumerate(intent.phrases):
        yield ("phrases", index), _plain(phrase)
    if intent.digits:
        yield ("digits",), f"key {intent.digits}"


def _agreed(heard: Message) -> bool | None:
    """Yes, no, or neither, by word or by key."""
    if heard.digits:
        return _ANSWER_KEYS.get(heard.digits)
    if heard.confidence is not None and heard.confidence < ASK:
        return None
    words = _plain(heard.text)
    if words in YES:
        return True
    if words in NO:
        return False
    # hosted ears: "yes, that one", "no, not sales"; the first word decides, in short answers
    first, _, rest = words.partition(" ")
    if len(rest.split()) <= 3 and first in {"yes", "yeah", "yep", "sure", "ok", "okay"}:
        return True
    return False if len(rest.split()) <= 3 and first in {"no", "nope"} else None


def _likeness(words: str, phrase: str) -> float:
    """0..1: how much of the phrase was said, and, for less, how little else was said.

    Words are compared whole, weighed by their letters: comparing the letters of sentences finds
    "what is the weather" alike to "what are your opening hours".
    """
    if fuzz.ratio(words.replace(" ", ""), phrase.replace(" ", "")) >= 95:
        return 1.0
    said, declared = words.split(), phrase.split()
    return 0.7 * _covered(declared, said) + 0.3 * _covered(said, declared)


def _covered(words: Sequence[str], by: Sequence[str]) -> float:
    found = sum(len(w) for w in words if any(fuzz.ratio(w, other) >= ALIKE for other in by))
    return found / max(1, sum(map(len, words)))


def _plain(text: str) -> str:
    return " ".join(_NOT_WORDS.sub("", text.lower()).split())


def _in_words(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")


def _listed(items: Iterable[str]) -> str:
    *most, last = list(items)[:LISTED]
    return f"{', '.join(most)} or {last}" if most else last


def _named(arguments: Any, tool: str, tools: Sequence[ToolSpec]) -> dict[str, Any]:
    """Arguments by name: `hangup:` has none, `transfer: sip:x` stands for the first parameter."""
    if isinstance(arguments, Mapping):
        return dict(arguments)
    if arguments is None:
        return {}
    schema = next((t.parameters for t in tools if t.name == tool), {})
    names = [*schema.get("required", ()), *schema.get("properties", ())]
    return {names[0] if names else "value": arguments}


def _reason(text: str) -> str:
    """Why a tool failed, in words for the ear: no URIs, no status numbers."""
    if "is not an allowed destination" in text:
        return "that destination is not allowed"
    if text == "the caller did not agree":
        return "you did not agree"
    words = _URI.sub("that destination", _STATUS.sub("", text)).strip().rstrip(".")
    return words or "something went wrong"
