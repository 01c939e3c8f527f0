"""A trace of every call, made of its events and sent by OTLP: docs/tracing.md."""
