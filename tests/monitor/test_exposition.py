"""Prometheus reads every metric: the official parser accepts the page and finds the numbers."""

from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from faregate.monitor.exposition import render
from faregate.monitor.metrics import METRICS, GateMetrics


def families(page: bytes):
    return {family.name: family for family in text_string_to_metric_families(page.decode())}


def value(page: bytes, name: str, **labels: str) -> float:
    for family in families(page).values():
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    raise AssertionError(f"{name}{labels} is not on the page")


def test_every_listed_metric_is_on_an_empty_page_with_its_type() -> None:
    page, content_type = render({})
    found = families(page)
    assert content_type.startswith("text/plain; version=")
    for metric in METRICS:
        family = found[metric.name.removesuffix("_total")]
        assert family.type == metric.type
        assert family.documentation == metric.help


def test_counts_arrive_on_the_page() -> None:
    metrics = GateMetrics()
    metrics.call_ended("chat", "answered", 200)
    metrics.duration.observe(0.2)
    metrics.duration.observe(500.0)
    metrics.tokens_used("local", 'odd"model\n', output_tokens=4)
    page, _ = render(metrics.snapshot())
    labels = {"route": "chat", "outcome": "answered", "status": "200"}
    assert value(page, "faregate_calls_total", **labels) == 1
    assert value(page, "faregate_call_duration_seconds_bucket", le="0.1") == 0
    assert value(page, "faregate_call_duration_seconds_bucket", le="0.25") == 1
    assert value(page, "faregate_call_duration_seconds_bucket", le="+Inf") == 2
    assert value(page, "faregate_call_duration_seconds_count") == 2
    assert value(page, "faregate_call_duration_seconds_sum") == 500.2
    labels = {"kind": "output", "provider": "local", "model": 'odd"model\n'}
    assert value(page, "faregate_tokens_total", **labels) == 4


def test_openmetrics_is_spoken_when_it_is_asked_for() -> None:
    page, content_type = render(
        GateMetrics().snapshot(), "application/openmetrics-text; version=1.0.0"
    )
    assert content_type.startswith("application/openmetrics-text")
    assert list(openmetrics_parser.text_string_to_metric_families(page.decode()))


def test_a_metric_that_is_not_listed_is_left_out() -> None:
    page, _ = render({"counters": {"made_up_total": [[[], 1]]}})
    assert b"made_up" not in page
