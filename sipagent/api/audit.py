"""Audit: who came from where and did what to live calls, one JSON line each."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from sipagent.call.verb import Outcome
from sipagent.errors import SipAgentError
from sipagent.store.vault import Stored

from .calls import Calls, CallView, Line, LiveCalls, Numbered, Origination, Principal

log = structlog.get_logger(__name__)

#: bytes of the file; above, it becomes `.1` and another one begins
_MOST = 10_000_000


class Audit:
    """A file of lines. What cannot be written is in the log, and stops nobody."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._failing = False
        #: given who, from where, what, which call and how it came out
        self.listeners: list[Callable[[str, str, str, str, str], None]] = []

    def note(self, who: str, origin: str, act: str, call_id: str, outcome: str) -> None:
        """Put one act on record. Never arguments: they may be personal."""
        line = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "by": who,
            "origin": origin,
            "act": act,
            "call_id": call_id,
            "outcome": outcome,
        }
        for listener in self.listeners:
            listener(who, origin, act, call_id, outcome)
        log.info("outside_act", **{k: v for k, v in line.items() if k != "at" and v})
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._path.exists() and self._path.stat().st_size > _MOST:
                self._path.replace(self._path.with_name(self._path.name + ".1"))
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._failing = False
        except OSError as error:
            if not self._failing:
                log.error("audit_failed", cause=str(error), path=str(self._path))
            self._failing = True


class AuditedCalls:
    """`LiveCalls` whose every act is on record, whichever door it came by."""

    def __init__(self, calls: LiveCalls, audit: Audit) -> None:
        self._calls = calls
        self.audit = audit

    async def list(self) -> Calls:
        """See `LiveCalls`."""
        return await self._calls.list()

    async def get(self, call_id: str) -> CallView:
        """See `LiveCalls`."""
        return await self._calls.get(call_id)

    async def do(
        self, call_id: str, verb: str, arguments: Mapping[str, Any], who: Principal
    ) -> Outcome:
        """See `LiveCalls`."""
        try:
            outcome = await self._calls.do(call_id, verb, arguments, who)
        except SipAgentError as error:
            self.audit.note(who.by, who.origin, verb, call_id, f"error: {error}")
            raise
        except asyncio.CancelledError:
            self.audit.note(who.by, who.origin, verb, call_id, "stopped: not wanted any more")
            raise
        status = f" {outcome.status}" if outcome.status is not None else ""
        self.audit.note(
            who.by, who.origin, verb, call_id, f"{'ok' if outcome.ok else 'failed'}{status}"
        )
        return outcome

    async def originate(self, wish: Origination, who: Principal) -> CallView:
        """See `LiveCalls`."""
        try:
            view = await self._calls.originate(wish, who)
        except SipAgentError as error:
            self.audit.note(who.by, who.origin, "originate", "", f"error: {error}")
            raise
        self.audit.note(who.by, who.origin, "originate", view.call_id, "ok")
        return view

    def events(
        self, call_id: str | None = None, after: int | None = None
    ) -> AsyncIterator[Numbered]:
        """See `LiveCalls`."""
        return self._calls.events(call_id, after)

    async def transcript(self, call_id: str) -> Sequence[Line]:
        """See `LiveCalls`."""
        return await self._calls.transcript(call_id)

    async def recording(self, call_id: str, name: str | None = None) -> Stored | None:
        """See `LiveCalls`."""
        return await self._calls.recording(call_id, name)
