"""Collector: a server of OTLP over HTTP on a port of its own, and the spans it was sent."""

import asyncio
import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from pydantic import AnyHttpUrl

from .web_server import Answer, Question, WebServer

_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class SeenNote:
    """A span event."""

    name: str
    at: int
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """A span as it came: ids in hex, times in nanoseconds since 1970."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    start: int
    end: int
    kind: str
    attributes: Mapping[str, Any]
    notes: Sequence[SeenNote]
    failed: bool
    resource: Mapping[str, Any]

    @property
    def ms(self) -> float:
        """How long it took."""
        return (self.end - self.start) / 1_000_000


class Collector:
    """`answer` may refuse: then nothing of the request is kept."""

    def __init__(self, answer: Callable[[], Answer] = Answer, *, port: int = 0) -> None:
        self.spans: list[Seen] = []
        self._answer = answer
        self._server = WebServer(self._export, port=port)
        self._news = asyncio.Event()

    @property
    def endpoint(self) -> AnyHttpUrl:
        """Where spans go."""
        return AnyHttpUrl(f"{self._server.url}/v1/traces")

    @property
    def requests(self) -> Sequence[Question]:
        """All of them."""
        return self._server.requests

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._server.__aexit__(kind, error, trace)

    def named(self, beginning: str) -> list[Seen]:
        """The spans whose names begin so, by time."""
        found = (span for span in self.spans if span.name.startswith(beginning))
        return sorted(found, key=lambda span: span.start)

    def of(self, parent: Seen) -> list[Seen]:
        """What is part of it, by time."""
        found = (span for span in self.spans if span.parent_id == parent.span_id)
        return sorted(found, key=lambda span: span.start)

    async def until(self, wanted: Callable[[], object]) -> None:
        """Wait until something holds; looked at with every request. Raises TimeoutError."""
        async with asyncio.timeout(_PATIENCE):
            while not wanted():
                self._news.clear()
                await self._news.wait()

    def _export(self, question: Question) -> Answer:
        answer = self._answer()
        if question.path == "/v1/traces" and 200 <= answer.status < 300:
            zipped = question.headers.get("content-encoding") == "gzip"
            body = gzip.decompress(question.body) if zipped else question.body
            self.spans += _read(ExportTraceServiceRequest.FromString(body))
        self._news.set()
        return answer


def _read(request: ExportTraceServiceRequest) -> Iterator[Seen]:
    for group in request.resource_spans:
        resource = _attributes(group.resource.attributes)
        for scope in group.scope_spans:
            for span in scope.spans:
                yield _seen(span, resource)


def _seen(span: Span, resource: Mapping[str, Any]) -> Seen:
    return Seen(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        attributes=_attributes(span.attributes),
        notes=[SeenNote(e.name, e.time_unix_nano, _attributes(e.attributes)) for e in span.events],
        failed=span.status.code == Status.StatusCode.STATUS_CODE_ERROR,
        resource=resource,
    )


def _attributes(pairs: Iterable[KeyValue]) -> Mapping[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None
