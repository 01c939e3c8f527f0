"""Selection: which events a receiver is told of, by which id, and in which words. Pure."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sipagent.call.cdr import Cdr
from sipagent.config import Webhook
from sipagent.config.webhooks import RECORD
from sipagent.events import Event, personal_fields

#: what happens once in a call: told by the same id even where it happened twice to a server that
#: was killed in between
_ONCE = frozenset({"call_started", "call_ended"})


def wanted(settings: Webhook, kind: str, plan: str | None) -> bool:
    """Is it to be told of events of this type? `plan` is that of the call, if it is of one."""
    return kind in settings.types and (not settings.plans or plan in settings.plans)


def id_of(event: Event) -> str:
    """The same for the same event, whoever asks and however often. No full stop is in it."""
    if event.type in _ONCE:
        return f"{event.call_id}_{event.type}"
    digest = hashlib.sha256(event.model_dump_json().encode()).hexdigest()[:24]
    return f"{event.call_id or 'server'}_{digest}"


def record_id(record: Cdr) -> str:
    """Of a call's record."""
    return f"{record.call_id}_{RECORD}"


def body_of(event: Event, *, personal: bool) -> bytes:
    """`{type, timestamp, data}`: the event as data, without what people said unless `personal`."""
    hidden = frozenset[str]() if personal else personal_fields(type(event))
    data = event.model_dump(mode="json", exclude=set(hidden))
    return body(event.type, event.at, data)


def record_body(record: Cdr) -> bytes:
    """The same of a call's record."""
    return body(RECORD, record.ended or datetime.now(UTC), record.model_dump(mode="json"))


def body(kind: str, at: datetime, data: Mapping[str, Any]) -> bytes:
    """Everything that is sent has this shape."""
    told = {"type": kind, "timestamp": at.isoformat(), "data": data}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
