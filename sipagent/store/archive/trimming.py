"""Trimming: what of a call's record does not go into its zip. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sipagent.call.redaction.redactor import Redactor
from sipagent.call.redaction.rules import Rule
from sipagent.events import ANY_EVENT, DigitReceived, Event, SipMessage, personal_fields

from .index import Piece

MASK = "[masked]"
#: figures from here on may be somebody's number
_NUMBER = 1_000_000_000
_CREDENTIALS = re.compile(
    r"(?:^|[_-])(?:passw(?:or)?d|authorization|api[_-]?key|auth[_-]?token|access[_-]?token"
    r"|client[_-]?secret|token)$",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"(?<=://)[^/@\s\"']+@")


def trimmed(
    events: Sequence[Event], without: Collection[Piece], rules: tuple[Rule, ...]
) -> list[Event]:
    """The events as they may leave; in order, since redaction knows what was dictated before."""
    redactor = Redactor(rules)
    return list(_trimmed(events, without, redactor))


def _trimmed(
    events: Sequence[Event], without: Collection[Piece], redactor: Redactor
) -> Iterator[Event]:
    for event in events:
        if "sip" in without and isinstance(event, SipMessage):
            continue
        kept = redactor.event(event)
        if "transcript" in without:
            blank = {name: type(getattr(kept, name))() for name in personal_fields(type(kept))}
            kept = kept.model_copy(update=blank)
            if isinstance(kept, DigitReceived):
                kept = kept.model_copy(update={"hidden": True})
        yield ANY_EVENT.validate_python(kept)


def masked(data: Any) -> Any:
    """JSON data without credentials: values of keys that are named so, and those inside URLs."""
    if isinstance(data, str):
        return _IN_URL.sub(f"{MASK}@", data)
    if isinstance(data, Mapping):
        return {
            key: MASK if isinstance(value, str) and _CREDENTIALS.search(str(key)) else masked(value)
            for key, value in data.items()
        }
    if isinstance(data, list | tuple):
        return [masked(item) for item in data]
    return data


def redacted_data(data: Any, redactor: Redactor) -> Any:
    """JSON data redacted; small figures stay: they are times and counts."""
    if isinstance(data, str):
        return redactor.text(data)
    if isinstance(data, Mapping):
        return {key: redacted_data(value, redactor) for key, value in data.items()}
    if isinstance(data, int) and abs(data) >= _NUMBER:
        return redactor.data(data)
    if isinstance(data, list):
        return [redacted_data(item, redactor) for item in data]
    return data


def names_of(rules: Sequence[Rule]) -> tuple[str, ...]:
    """Rules as the index names them."""
    return tuple(rule if isinstance(rule, str) else rule.name for rule in rules)
