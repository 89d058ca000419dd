"""Prometheus text (version 0.0.4) or OpenMetrics from a merged snapshot.

Only metrics that are listed in `METRICS` are shown; each of them is shown, even with no value
yet, so that dashboards and alerts find its name from the first scrape.
"""

from collections.abc import Iterator
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from faregate.monitor import metrics

_SECTIONS = {"counter": "counters", "gauge": "gauges", "histogram": "histograms"}


def _buckets(counts: list[int]) -> list[tuple[str, float]]:
    """Cumulative counts by upper bound, as Prometheus wants them."""
    bounds = [*(str(bound) for bound in metrics.BUCKETS_S), "+Inf"]
    total = 0
    cumulative: list[tuple[str, float]] = []
    for bound, count in zip(bounds, counts, strict=True):
        total += count
        cumulative.append((bound, total))
    return cumulative


def _family(metric: metrics.Metric, rows: list[list[Any]]) -> Metric:
    if metric.type == "histogram":
        histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        for labels, (total_s, *counts) in rows:
            histogram.add_metric(labels, _buckets(counts), total_s)
        return histogram
    family: CounterMetricFamily | GaugeMetricFamily
    if metric.type == "counter":
        family = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    else:
        family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, value in rows:
        family.add_metric(labels, value)
    return family


class _SnapshotCollector(Collector):
    def __init__(self, snapshot: metrics.Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        for metric in metrics.METRICS:
            rows = self._snapshot.get(_SECTIONS[metric.type], {}).get(metric.name, [])
            yield _family(metric, rows)


def render(snapshot: metrics.Snapshot, accept: str = "") -> tuple[bytes, str]:
    """The page and its content type, in the form that `accept` asks for."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_SnapshotCollector(snapshot))
    encoder, content_type = choose_encoder(accept)
    return encoder(registry), content_type
