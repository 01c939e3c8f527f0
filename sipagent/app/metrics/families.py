"""Families: metrics that are read at the moment of a scrape, by their names without our prefix."""

from collections.abc import Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily


def gauges(name: str, what: str, label: str) -> GaugeMetricFamily:
    """To be filled, a sample for each value of its label."""
    return GaugeMetricFamily(f"sipagent_{name}", what, labels=[label])


def counter(name: str, what: str, label: str, values: Mapping[str, int]) -> CounterMetricFamily:
    """Counts by a label; without one, the only value's key is empty."""
    family = CounterMetricFamily(f"sipagent_{name}", what, labels=[label] if label else [])
    for value, count in values.items():
        family.add_metric([value] if label else [], count)
    return family


def gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    """One value."""
    return GaugeMetricFamily(f"sipagent_{name}", what, value=float(value))
