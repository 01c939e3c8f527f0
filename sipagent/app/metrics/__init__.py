"""Metrics of a running server, for Prometheus: docs/metrics.md."""
