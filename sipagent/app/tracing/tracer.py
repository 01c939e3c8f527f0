"""Tracer: a listener of the ledger that turns every call's events into its trace."""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from typing import Protocol

from opentelemetry.sdk.trace.export import SpanExporter

from sipagent.call.tracing import read_traceparent
from sipagent.config import Settings
from sipagent.events import CallEnded, CallStarted, Event, Interim, SipMessage

from .call_trace import CallTrace
from .context import in_force
from .export import Counts, Exporter, otlp, resource_of
from .names import vendors


class Record(Protocol):
    """What is known of a call."""

    @property
    def events(self) -> Sequence[Event]:
        """All so far."""
        ...

    @property
    def over(self) -> bool:
        """True once it has ended."""
        ...


class Tracer:
    """Of calls that live it keeps what is not over yet; of those a server before us had, too."""

    def __init__(
        self,
        settings: Settings,
        record: Callable[[str], Record | None],
        *,
        to: SpanExporter | None = None,
    ) -> None:
        """`record` is what is known of a live call; `to` takes the spans in place of OTLP."""
        self._tracing = in_force(settings, os.environ)
        self._record = record
        self._vendors = vendors({name: p.kind for name, p in settings.providers.items()})
        self._calls: dict[str, CallTrace | None] = {}
        self._exporter: Exporter | None = None
        if self._tracing is not None:
            resource = resource_of(settings.node or socket.gethostname())
            self._exporter = Exporter(self._tracing.queue, resource, to or otlp(self._tracing))

    @property
    def counts(self) -> Counts:
        """Spans sent and lost."""
        return Counts() if self._exporter is None else self._exporter.counts

    def start(self) -> None:
        """Begin to send."""
        if self._exporter is not None:
            self._exporter.start()

    async def close(self) -> None:
        """Send what waits, within a few seconds. Idempotent."""
        if self._exporter is not None:
            await asyncio.to_thread(self._exporter.close)

    def happened(self, event: Event) -> None:
        """Take an event of a call."""
        if self._exporter is None or isinstance(event, Interim) or not event.call_id:
            return
        if event.call_id not in self._calls and not self._meet(event):
            return
        trace = self._calls[event.call_id]
        if trace is not None:
            self._exporter.put(trace.happened(event), trace.context)
        if isinstance(event, CallEnded):
            del self._calls[event.call_id]

    def _meet(self, event: Event) -> bool:
        """Know a call that has begun, here or with a server before us; False before that."""
        record = self._record(event.call_id)
        if record is None or (record.over and not isinstance(event, CallEnded)):
            return False
        known = [e for e in record.events if e is not event]
        place = next((n for n, e in enumerate(known) if isinstance(e, CallStarted)), None)
        began = event if place is None else known[place]
        if not isinstance(began, CallStarted):
            return False
        context = read_traceparent(began.traceparent)
        trace = None
        if context is not None and context.sampled and self._tracing is not None:
            before = known if place is None else known[:place]
            early = [e for e in before if isinstance(e, SipMessage)]
            content = self._tracing.content
            trace = CallTrace(began, context, early, self._vendors, content=content)
            for seen in () if place is None else known[place + 1 :]:
                trace.happened(seen)  # what was over by then was sent by whoever saw it
        self._calls[event.call_id] = trace
        return True
