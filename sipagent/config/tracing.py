"""Settings of tracing: where the trace of each call goes, how many of them, and what they tell."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AnyHttpUrl, Field, SecretStr

from .parts import OneOrMore, Part


class Tracing(Part):
    """A trace of every call, by OTLP over HTTP. What is left out here is as the standard variables
    OTEL_EXPORTER_OTLP_... say: headers, certificates, compression, timeout.
    """

    endpoint: AnyHttpUrl | None = Field(
        default=None,
        description="whole URL, as http://collector:4318/v1/traces; default: "
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT",
    )
    headers: Mapping[str, SecretStr] = Field(
        default_factory=dict, description="sent along; values are secrets: use ${env:...}"
    )
    sample: float = Field(default=1.0, ge=0, le=1, description="part of the calls that are traced")
    content: bool = Field(
        default=False, description="tell who calls whom, what is said and what tools are told, too"
    )
    propagate: bool = Field(
        default=True, description="send `traceparent` to functions, MCP servers, models and speech"
    )
    parents: Annotated[tuple[str, ...], OneOrMore] = Field(
        default=(), description="trunks whose INVITE may name the trace it belongs to"
    )
    queue: int = Field(
        default=8192, ge=64, le=1_000_000, description="spans that wait for the collector at most"
    )
