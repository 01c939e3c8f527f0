"""Exporter: spans to an OTLP collector, from a thread of its own, so that no call waits for it."""

import logging
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Event as SpanEvent
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext as OtelContext
from opentelemetry.trace import SpanKind, Status, StatusCode, TraceFlags

from sipagent import __version__
from sipagent.call.tracing import SpanContext
from sipagent.config.tracing import Tracing

from .names import ERROR
from .span import Span

_log = structlog.get_logger(__name__)
_SCOPE = InstrumentationScope("sipagent", __version__)
#: seconds that spans are gathered for, and the most that go in one request
_GATHER, _BATCH = 1.0, 512
#: for what waits when we go, seconds
_GRACE = 2.0
_KINDS = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
}


@dataclass(slots=True)
class Counts:
    """Spans, since start. `dropped` found no room, `failed` were refused or never taken."""

    sent: int = 0
    dropped: int = 0
    failed: int = 0


class Exporter:
    """`put` never waits: while `queue` spans wait for a collector, new ones are dropped."""

    def __init__(
        self,
        queue: int,
        resource: Resource,
        to: SpanExporter,
        *,
        gather: float = _GATHER,
        grace: float = _GRACE,
    ) -> None:
        """Spans are gathered for `gather` seconds; `grace` is how long `close` waits for those that
        are left, twice at most.
        """
        self.counts = Counts()
        self._queue = queue
        self._resource = resource
        self._to = to
        self._gather = gather
        self._grace = grace
        self._waiting: deque[ReadableSpan] = deque()
        self._news = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._failing = False

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def put(self, spans: Sequence[Span], context: SpanContext) -> None:
        """Have these sent soon; they belong to that trace."""
        for span in spans:
            if len(self._waiting) >= self._queue or self._closing.is_set():
                self.counts.dropped += 1
            else:
                self._waiting.append(readable(span, context, self._resource))
        self._news.set()

    def close(self) -> None:
        """Send what waits, within a few seconds; blocks. Idempotent."""
        self._closing.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join(self._grace)
            while given_up := self._batch():
                self.counts.dropped += len(given_up)
            # ends a wait between two attempts
            self._to.shutdown()
            self._thread.join(self._grace)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._news.wait()
            self._closing.wait(self._gather)
            self._news.clear()
            self._send_all()
        self._send_all()

    def _send_all(self) -> None:
        while batch := self._batch():
            self._send(batch)

    def _batch(self) -> list[ReadableSpan]:
        batch: list[ReadableSpan] = []
        with suppress(IndexError):  # `close` may have given them up meanwhile
            while len(batch) < _BATCH:
                batch.append(self._waiting.popleft())
        return batch

    def _send(self, batch: Sequence[ReadableSpan]) -> None:
        with _causes() as causes:
            done = self._to.export(batch) is SpanExportResult.SUCCESS
        if done:
            self.counts.sent += len(batch)
        else:
            self.counts.failed += len(batch)
        if not done and not self._failing:
            _log.warning("traces_not_taken", cause=causes.last or "the collector refuses them")
        elif done and self._failing:
            _log.info("traces_taken_again", lost=self.counts.failed + self.counts.dropped)
        self._failing = not done


class _causes(logging.Handler):  # noqa: N801 - used as `with _causes()`
    """Keeps what the exporter says of a failure, which it tells nobody but the log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""
        self._logger = logging.getLogger("opentelemetry")

    def emit(self, record: logging.LogRecord) -> None:
        """See `Handler`."""
        self.last = record.getMessage()[:300]

    def __enter__(self) -> "_causes":
        self._logger.propagate = False
        self._logger.addHandler(self)
        return self

    def __exit__(self, *exc: object) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = True


def otlp(settings: Tracing) -> SpanExporter:
    """By OTLP over HTTP; what the settings leave out is as OTEL_EXPORTER_OTLP_... say."""
    headers = {name: value.get_secret_value() for name, value in settings.headers.items()}
    return OTLPSpanExporter(
        endpoint=str(settings.endpoint) if settings.endpoint is not None else None,
        headers=headers or None,
    )


def resource_of(instance: str) -> Resource:
    """Who sends them; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win."""
    own = {SERVICE_NAME: "sipagent", "service.version": __version__}
    own["service.instance.id"] = instance
    return Resource.create().merge(Resource(own)).merge(OTELResourceDetector().detect())


def readable(span: Span, context: SpanContext, resource: Resource) -> ReadableSpan:
    """As the SDK's exporters take it. Made directly and not by a tracer: its ids and times are
    known already.
    """
    flags = TraceFlags(TraceFlags.SAMPLED)
    trace_id = int(context.trace_id, 16)
    parent = None
    if span.parent_id:
        parent = OtelContext(trace_id, int(span.parent_id, 16), is_remote=False, trace_flags=flags)
    attributes = {**span.attributes}
    status = Status(StatusCode.UNSET)
    if span.error:
        attributes[ERROR] = span.error
        status = Status(StatusCode.ERROR, span.detail or None)
    if span.unnoted:
        attributes["sipagent.unnoted"] = span.unnoted
    return ReadableSpan(
        name=span.name,
        context=OtelContext(trace_id, int(span.span_id, 16), is_remote=False, trace_flags=flags),
        parent=parent,
        resource=resource,
        attributes=attributes,
        events=[SpanEvent(note.name, note.attributes, note.at) for note in span.notes],
        kind=_KINDS[span.kind],
        status=status,
        start_time=span.start,
        end_time=max(span.start, span.end),
        instrumentation_scope=_SCOPE,
    )
