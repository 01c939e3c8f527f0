"""Context: the trace a call to come belongs to: one of its own, or that of a trunk that says so."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypedDict

from sipagent.call.tracing import (
    TRACEPARENT,
    SpanContext,
    own_context,
    read_traceparent,
)
from sipagent.config import Settings
from sipagent.config.tracing import Tracing

#: as some gateways write it
_HEADERS = (TRACEPARENT, f"x-{TRACEPARENT}")
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class TraceKeys(TypedDict):
    """What a worker is told of its call's trace; empty where there is none."""

    traceparent: str
    traced_by: str
    propagate: bool


def in_force(settings: Settings, environment: Mapping[str, str]) -> Tracing | None:
    """Whether calls are traced: where the settings say so, or, without a word there, where the
    standard variables name a collector.
    """
    off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    off = off or environment.get("OTEL_TRACES_EXPORTER", "otlp").strip() == "none"
    if off:
        return None
    named = any(environment.get(name) for name in _ENDPOINTS)
    return settings.tracing or (Tracing() if named else None)


def context_of(
    tracing: Tracing | None,
    call_id: str,
    account: str | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> TraceKeys:
    """The trace of a call to come. Of who calls, only trunks of `parents` may say it."""
    if tracing is None:
        return TraceKeys(traceparent="", traced_by="", propagate=False)
    parent: SpanContext | None = None
    if account is not None and account in tracing.parents:
        said = {name.lower(): value for name, value in headers.items()}
        given = (read_traceparent(said[name]) for name in _HEADERS if name in said)
        parent = next((context for context in given if context is not None), None)
    return TraceKeys(
        traceparent=str(own_context(call_id, parent, tracing.sample)),
        traced_by=parent.span_id if parent is not None else "",
        propagate=tracing.propagate,
    )
