"""The reference of the worker's metrics, `docs/metrics.md`, as the registry knows them."""

from collections.abc import Iterator

from worker.adapters.memory import ManualClock
from worker.prometheus_observer import PREFIX, PrometheusObserver
from worker.prometheus_requests import ApiMetrics

INTRODUCTION = """# Metrics

What `/metrics` of workers shows, and of `millrace serve` (`millrace_api_...`), in Prometheus' text format. Times are
seconds, sizes bytes. Each also shows the standard `process_*` metrics (memory, CPU seconds, open files). No label holds
a user or an item. A histogram `x` has the series `x_bucket`, `x_sum` and `x_count`.

Counters of a worker stand at 0 from the start, with every value that their labels can have: `reason`, `signal` and
`outcome` are fixed, `kind` is what `events.kinds` names (the first 30, and `_other` for what is beyond). The label
`partition`, of a gauge, comes and goes with the partition. Requests to the API are counted from the first of each
route, method and status on, which nobody knows before: `rate` and `increase` do not see that first one.

This page is made by `worker.metrics_reference.reference()`; a test compares them.

| metric | type | labels | meaning |
| --- | --- | --- | --- |
"""


def reference() -> str:
    """The text of `docs/metrics.md`."""
    return INTRODUCTION + "".join(sorted(_rows()))


def metric_names() -> list[str]:
    """The names of all metrics, as they are queried."""
    return sorted(row.split("`")[1] for row in _rows())


def _rows() -> Iterator[str]:
    observer = PrometheusObserver(ManualClock(), ["view_item"])
    observer.lagging({0: 0}, 0.0)  # a label shows only where a value has been
    api = ApiMetrics()
    api.observe("/v1/popular", "GET", 200, 0.0)
    for metric in [*observer.registry.collect(), *api.registry.collect()]:
        if metric.name.startswith(PREFIX):
            suffix = {"counter": "_total", "info": "_info"}.get(metric.type, "")
            labels = sorted({label for sample in metric.samples for label in sample.labels if label != "le"})
            shown = ", ".join(f"`{label}`" for label in labels)
            yield f"| `{metric.name}{suffix}` | {metric.type} | {shown} | {metric.documentation} |\n"
