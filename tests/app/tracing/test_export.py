"""Spans on their way to a collector that takes them, refuses them, or is not there."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import AnyHttpUrl, SecretStr

from sipagent.app.tracing.export import Exporter, otlp, resource_of
from sipagent.app.tracing.span import Span
from sipagent.call.tracing import SpanContext
from sipagent.config.tracing import Tracing
from sipagent.testing.collector import Collector
from sipagent.testing.ports import free_port
from sipagent.testing.web_server import Answer

CONTEXT = SpanContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


def span(name: str = "call", number: int = 1) -> Span:
    return Span(name, f"{number:016x}", None, 1_000, 2_000, attributes={"n": number})


@asynccontextmanager
async def exporting(settings: Tracing, *, grace: float = 5.0) -> AsyncIterator[Exporter]:
    exporter = Exporter(
        settings.queue, resource_of("box-1"), otlp(settings), gather=0.01, grace=grace
    )
    exporter.start()
    try:
        yield exporter
    finally:
        await asyncio.to_thread(exporter.close)


async def test_spans_come_to_the_collector_as_they_were_made() -> None:
    async with Collector() as collector:
        settings = Tracing(endpoint=collector.endpoint, headers={"x-key": SecretStr("k")})
        async with exporting(settings) as exporter:
            made = span()
            made.note("barge_in", 1_500, {"decision": "stopped"})
            made.failed("503", "no room")
            exporter.put([made], CONTEXT)
            await collector.until(lambda: collector.spans)
        (seen,) = collector.spans
        assert (seen.name, seen.trace_id, seen.span_id) == ("call", CONTEXT.trace_id, made.span_id)
        assert (seen.parent_id, seen.start, seen.end) == ("", 1_000, 2_000)
        assert seen.attributes == {"n": 1, "error.type": "503"}
        assert seen.failed
        assert [(n.name, n.at) for n in seen.notes] == [("barge_in", 1_500)]
        assert seen.resource["service.name"] == "sipagent"
        assert seen.resource["service.instance.id"] == "box-1"
        assert collector.requests[0].headers["x-key"] == "k"
        assert exporter.counts.sent == 1


async def test_what_waits_is_sent_when_the_server_goes() -> None:
    async with Collector() as collector:
        async with exporting(Tracing(endpoint=collector.endpoint)) as exporter:
            exporter.put([span(number=n) for n in range(1, 1201)], CONTEXT)
        assert len(collector.spans) == 1200
        assert exporter.counts.dropped == 0


async def test_a_refusing_collector_costs_spans_that_are_counted_and_nothing_else() -> None:
    async with Collector(lambda: Answer(400)) as collector:
        async with exporting(Tracing(endpoint=collector.endpoint)) as exporter:
            exporter.put([span()], CONTEXT)
            await collector.until(lambda: collector.requests)
        assert collector.spans == []
        assert (exporter.counts.sent, exporter.counts.failed) == (0, 1)


async def test_spans_beyond_the_bound_are_dropped_and_counted_while_nobody_takes_them() -> None:
    nowhere = AnyHttpUrl(f"http://127.0.0.1:{free_port()}/v1/traces")
    async with exporting(Tracing(endpoint=nowhere, queue=64), grace=0.2) as exporter:
        before = time.thread_time()
        for number in range(1, 1001):
            exporter.put([span(number=number)], CONTEXT)
        spent = time.thread_time() - before
    counts = exporter.counts
    assert counts.sent == 0
    assert counts.dropped + counts.failed <= 1000
    assert counts.dropped >= 1000 - 2 * 64
    assert spent < 1  # a thousand of them, on the loop's thread


async def test_the_standard_variables_name_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Collector() as collector:
        base = str(collector.endpoint).removesuffix("/v1/traces")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", base)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=other")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "desk")
        async with exporting(Tracing()) as exporter:
            exporter.put([span()], CONTEXT)
            await collector.until(lambda: collector.spans)
        assert collector.requests[0].headers["x-key"] == "other"
        assert collector.spans[0].resource["service.name"] == "desk"
